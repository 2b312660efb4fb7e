/** Reading JSON that came from outside: what is not as expected is refused, nothing is assumed. */

export type Fields = Readonly<Record<string, unknown>>;

/** The value's fields; throws when it is no object. */
export function fields(value: unknown): Fields {
  if (typeof value !== "object" || value === null) throw new TypeError("not an object");
  return value as Fields;
}

/** A field that is text; throws when it is something else. */
export function text(from: Fields, name: string): string {
  const value = from[name];
  if (typeof value !== "string") throw new TypeError(`${name} is not text`);
  return value;
}

/** The fields of a JSON text, or null for any other text. */
export function parsed(source: unknown): Fields | null {
  try {
    return fields(JSON.parse(String(source)));
  } catch {
    return null;
  }
}
