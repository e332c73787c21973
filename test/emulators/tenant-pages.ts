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

/** "You may only paginate through up to 1,000 search results" (docs/facts.md#auth0-logs); how it refuses is unknown. */
const MOST = 1_000;

/** Newest first unless `sort` is date:1. */
export function search(logs: readonly LogEntry[], query: URLSearchParams): readonly LogEntry[] {
  const end = (integer(query, 'page', 0, MOST) + 1) * integer(query, 'per_page', 50, 100);
  if (end > MOST) throw badRequest('Only the first 1000 results can be paged through.');
  const matches = parsedQuery(query.get('q') ?? '');
  const found = logs
    .filter(matches)
    .sort((a, b) => (a.date === b.date ? 0 : a.date < b.date ? -1 : 1))
    .slice();
  return query.get('sort') === 'date:1' ? found : found.toReversed();
}

type Matches = (entry: LogEntry) => boolean;

const TOKENS = /\s*(AND\b|OR\b|[()]|(\w+):(?:"((?:[^"\\]|\\.)*)"|([[{])(\S+) TO (\S+?)([\]}])|([^\s()]+)))/y;

/** The part of Lucene's syntax that docs log-search-query-syntax shows. Field names: its list of searchable fields. */
function parsedQuery(q: string): Matches {
  const tokens = new RegExp(TOKENS);
  let token = tokens.exec(q);
  const next = () => {
    const taken = token;
    const at = tokens.lastIndex;
    token = taken && tokens.exec(q);
    if (taken && !token && q.slice(at).trim() !== '') throw notUnderstood(q);
    return taken;
  };
  const term = (): Matches => {
    const [, text, field = '', exact, open, from = '', to = '', close, plain = ''] = next() ?? [];
    if (text === '(') {
      const inner = alternatives();
      if (next()?.[1] !== ')') throw notUnderstood(q);
      return inner;
    }
    if (!SEARCHABLE.has(field)) throw notUnderstood(q);
    const value = (entry: LogEntry) => String(Object(entry)[field] ?? '');
    if (open !== undefined) return (entry) => isBetween(value(entry), open, from, to, close);
    if (exact !== undefined) return (entry) => value(entry) === exact.replace(/\\(.)/g, '$1');
    if (plain.endsWith('*')) return (entry) => value(entry).startsWith(plain.slice(0, -1));
    return (entry) => value(entry) === plain;
  };
  const all = (): Matches => {
    const terms = [term()];
    while (token?.[1] === 'AND') {
      next();
      terms.push(term());
    }
    return (entry) => terms.every((matches) => matches(entry));
  };
  const alternatives = (): Matches => {
    const terms = [all()];
    while (token?.[1] === 'OR') {
      next();
      terms.push(all());
    }
    return (entry) => terms.some((matches) => matches(entry));
  };
  if (q.trim() === '') return () => true;
  if (!token) throw notUnderstood(q);
  const matches = alternatives();
  if (token) throw notUnderstood(q);
  return matches;
}

/** `mtls_thumbprint_sha256` is not among them. */
const SEARCHABLE = new Set([
  'client_id',
  'client_name',
  'date',
  'description',
  'ip',
  'log_id',
  'type',
  'user_agent',
]);

/** Dates in UTC, to the second: which zone Auth0 means is not said. */
function isBetween(date: string, open: string, from: string, to: string, close = ']'): boolean {
  const at = Date.parse(date);
  const bound = (text: string) => Date.parse(/T/.test(text) ? `${text}Z` : text);
  const after = from === '*' || (open === '[' ? at >= bound(from) : at > bound(from));
  const before = to === '*' || (close === ']' ? at <= bound(to) : at < bound(to));
  return after && before;
}

/** Auth0's words are unknown. */
function notUnderstood(q: string): Error {
  return badRequest(`The query is not understood: ${q}`, 'invalid_query_string');
}
