/** Parses JSON answers defensively. */

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json | undefined;
}

/** undefined if the body is not JSON. Drops the key `__proto__`. */
export function parseJson({ body }: { body: string }): Json | undefined {
  try {
    return JSON.parse(body, (key, value) => (key === '__proto__' ? undefined : value));
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A date of an answer, in milliseconds since the epoch. Without a zone it is UTC, and not a time of this machine. NaN: it is none. */
export function timeOf(value: Json | undefined, key: string): number {
  const text = stringOf(value, key) ?? '';
  return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);
}

export function stringOf(value: Json | undefined, key: string): string | undefined {
  const member = isObject(value) ? value[key] : undefined;
  return typeof member === 'string' ? member : undefined;
}
