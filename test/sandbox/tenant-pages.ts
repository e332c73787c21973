import { badRequest, type LogEntry } from './tenant-model.ts';

/** page and per_page as documented; a bare array unless include_totals is true. */
export function page<T>(items: readonly T[], name: string, query: URLSearchParams): unknown {
  const limit = integer(query, 'per_page', 50, 100);
  const start = integer(query, 'page', 0, Number.MAX_SAFE_INTEGER) * limit;
  const shown = items.slice(start, start + limit);
  if (query.get('include_totals') !== 'true') return shown;
  return { start, limit, total: items.length, [name]: shown };
}

/** Text by analogy with the recorded path and payload errors. */
function integer(query: URLSearchParams, name: string, fallback: number, maximum: number): number {
  const text = query.get(name) ?? String(fallback);
  if (/^\d{1,9}$/.test(text) && Number(text) <= maximum) return Number(text);
  throw badRequest(
    `Query validation error: '${text} is not valid' on property ${name}.`,
    'invalid_query_string',
  );
}

/** Newest first unless `sort` is date:1; of `q` only `field:"value"` terms joined by AND. Source: docs log query syntax. */
export function search(logs: readonly LogEntry[], query: URLSearchParams): readonly LogEntry[] {
  const terms = [...(query.get('q') ?? '').matchAll(/(\w+):"?([^"\s]+)"?/g)];
  const found = logs.filter((entry) =>
    terms.every(([, field = '', value]) => Object(entry)[field] === value),
  );
  return query.get('sort') === 'date:1' ? found : found.toReversed();
}
