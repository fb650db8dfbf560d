/** `Headers` (WHATWG Fetch, 5.1): names without case, values joined with commas. */

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export type HeadersInit = Headers | Iterable<readonly [string, string]> | Record<string, string>;

export class Headers {
  #entries: [name: string, value: string][] = [];

  constructor(given: HeadersInit = []) {
    const pairs = given !== null && Symbol.iterator in given ? given : Object.entries(given as Record<string, string>);
    for (const [name, value] of pairs as Iterable<[string, string]>) this.append(name, value);
  }

  append(name: string, value: string): void {
    this.#entries.push([valid(name), clean(value)]);
  }

  set(name: string, value: string): void {
    this.delete(name);
    this.append(name, value);
  }

  delete(name: string): void {
    const key = valid(name);
    this.#entries = this.#entries.filter(([known]) => known !== key);
  }

  get(name: string): string | null {
    const key = valid(name);
    const values = this.#entries.filter(([known]) => known === key).map(([, value]) => value);
    return values.length > 0 ? values.join(", ") : null;
  }

  getSetCookie(): string[] {
    return this.#entries.filter(([name]) => name === "set-cookie").map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  *entries(): Generator<[string, string]> {
    const names = [...new Set(this.#entries.map(([name]) => name))].sort();
    for (const name of names) {
      if (name === "set-cookie") for (const value of this.getSetCookie()) yield [name, value];
      else yield [name, this.get(name)!];
    }
  }

  *keys(): Generator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): Generator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  forEach(call: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this.entries()) call(value, name, this);
  }

  [Symbol.iterator](): Generator<[string, string]> {
    return this.entries();
  }
}

function valid(name: unknown): string {
  const text = String(name);
  if (!NAME.test(text)) throw new TypeError(`${JSON.stringify(text)} is no name of a header`);
  return text.toLowerCase();
}

function clean(value: unknown): string {
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
  if (/[\0\n\r]/.test(text)) throw new TypeError(`${JSON.stringify(text)} is no value of a header`);
  return text;
}
