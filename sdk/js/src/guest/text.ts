/** `TextEncoder` and `TextDecoder`, for UTF-8 alone. */

const REPLACEMENT = 0xfffd;
/** Code points that become one piece of text at a time. */
const CHUNK = 4096;

export class TextEncoder {
  readonly encoding = "utf-8";

  encode(given: unknown = ""): Uint8Array {
    const text = String(given);
    const bytes = new Uint8Array(text.length * 3);
    return bytes.slice(0, write(text, bytes).written);
  }

  encodeInto(text: string, into: Uint8Array): { read: number; written: number } {
    return write(text, into);
  }
}

function write(text: string, into: Uint8Array): { read: number; written: number } {
  let [read, written] = [0, 0];
  while (read < text.length) {
    let point = text.codePointAt(read)!;
    const units = point > 0xffff ? 2 : 1;
    if (point >= 0xd800 && point <= 0xdfff) point = REPLACEMENT;
    const length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (written + length > into.length) break;
    if (length === 1) {
      into[written++] = point;
    } else {
      into[written++] = [0xc0, 0xe0, 0xf0][length - 2]! | (point >> (6 * (length - 1)));
      for (let rest = length - 2; rest >= 0; rest--) into[written++] = 0x80 | ((point >> (6 * rest)) & 0x3f);
    }
    read += units;
  }
  return { read, written };
}

export class TextDecoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  #left = new Uint8Array(0);
  #begun = false;

  constructor(label: unknown = "utf-8", { fatal = false, ignoreBOM = false }: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!["utf-8", "utf8", "unicode-1-1-utf-8"].includes(String(label).trim().toLowerCase())) {
      throw new RangeError(`there is only UTF-8 here, not ${String(label)}`);
    }
    this.fatal = fatal;
    this.ignoreBOM = ignoreBOM;
  }

  decode(given?: ArrayBuffer | ArrayBufferView, { stream = false }: { stream?: boolean } = {}): string {
    let bytes = view(given);
    if (this.#left.length > 0) bytes = joined(this.#left, bytes);
    let text = "";
    let points: number[] = [];
    let at = 0;
    for (; at < bytes.length; ) {
      const [point, length] = next(bytes, at);
      if (point < 0 && stream && at + length === bytes.length && length < needed(bytes[at]!)) break;
      if (point < 0 && this.fatal) throw new TypeError("these bytes are no UTF-8");
      points.push(point < 0 ? REPLACEMENT : point);
      at += length;
      if (points.length >= CHUNK) {
        text += String.fromCodePoint(...points);
        points = [];
      }
    }
    text += String.fromCodePoint(...points);
    this.#left = bytes.slice(at);
    if (!this.#begun && !this.ignoreBOM && text.startsWith("\ufeff")) text = text.slice(1);
    this.#begun = stream && (this.#begun || text.length > 0);
    return text;
  }
}

function view(given: ArrayBuffer | ArrayBufferView | undefined): Uint8Array {
  if (given === undefined) return new Uint8Array(0);
  return ArrayBuffer.isView(given) ? new Uint8Array(given.buffer as ArrayBuffer, given.byteOffset, given.byteLength) : new Uint8Array(given);
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

function needed(first: number): number {
  return first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 1;
}

/** A code point and its bytes; -1 and the bytes to leave out where they are none (WHATWG Encoding, 8.1.1). */
function next(bytes: Uint8Array, at: number): [point: number, length: number] {
  const first = bytes[at]!;
  const length = needed(first);
  if (length === 1) return first < 0x80 ? [first, 1] : [-1, 1];
  let point = first & (0xff >> (length + 1));
  for (let index = 1; index < length; index++) {
    const byte = bytes[at + index];
    const least = index > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const most = index > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte === undefined || byte < least || byte > most) return [-1, index];
    point = (point << 6) | (byte & 0x3f);
  }
  return [point, length];
}
