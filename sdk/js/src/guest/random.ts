/**
 * Randomness from the host, in each attempt anew. The engine's own generator
 * is part of the memory that every attempt starts from, so that it would give
 * the same numbers in all of them.
 */

import random from "wqjs:random/random@0.2.0";

const SEED_BYTES = 16;
/** The most that `getRandomValues` fills at once, as the standard says. */
const MOST_BYTES = 65536;

/** What the engine draws from, while the program is built. */
const frozen = Math.random;
let state: Uint32Array | undefined;

/** From now on numbers are this attempt's own. */
export function thaw(): void {
  state = undefined;
  Math.random = () => {
    state ??= new Uint32Array(Uint8Array.from(random.getRandomBytes(SEED_BYTES)).buffer);
    // 53 bits, of two draws.
    return ((draw(state) >>> 5) * 0x4000000 + (draw(state) >>> 6)) / 2 ** 53;
  };
}

/** xoshiro128** 1.1 (Blackman and Vigna). */
function draw(s: Uint32Array): number {
  const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
  const result = Math.imul(rotated(Math.imul(s[1]!, 5), 7), 9);
  const shifted = s[1]! << 9;
  s[2]! ^= s[0]!;
  s[3]! ^= s[1]!;
  s[1]! ^= s[2]!;
  s[0]! ^= s[3]!;
  s[2]! ^= shifted;
  s[3] = rotated(s[3]!, 11);
  return result;
}

function bytes(length: number): Uint8Array {
  if (Math.random === frozen) {
    throw new Error("there is no randomness while a program is built, since it would be the same in every attempt; draw inside of a task");
  }
  return random.getRandomBytes(length);
}

/** The part of `crypto` that needs no keys. */
export const crypto = {
  getRandomValues<T extends ArrayBufferView>(array: T): T {
    if (!ArrayBuffer.isView(array) || array instanceof Float32Array || array instanceof Float64Array || array instanceof DataView) {
      throw new TypeError("getRandomValues takes an array of integers");
    }
    if (array.byteLength > MOST_BYTES) throw new RangeError(`getRandomValues fills at most ${MOST_BYTES} bytes`);
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(bytes(array.byteLength));
    return array;
  },
  randomUUID(): string {
    const drawn = Uint8Array.from(bytes(16));
    drawn[6] = (drawn[6]! & 0x0f) | 0x40;
    drawn[8] = (drawn[8]! & 0x3f) | 0x80;
    const hex = Array.from(drawn, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  },
};
