/** The door of the emulated GitHub: what a call is, who may make it, and how often. */

import type { Repository } from './github-repository.ts';

export type Level = 'read' | 'write';
export type Permission = 'secrets' | 'environments' | 'organization_secrets' | 'issues' | 'actions';

export interface Grant {
  kind: 'github-token' | 'fine-grained' | 'app' | 'classic';
  permissions: { readonly [permission in Permission]?: Level };
  /** `owner/name`, any case; default 'all'. */
  repositories?: readonly string[] | 'all';
  /** Whose token it is; only user tokens have an answer to GET /user. */
  login?: string;
  /** `false`: no push access to its repositories, whatever it may write besides. */
  pushes?: false;
}

export interface Limits {
  /** Requests an hour of one token. Default 5000, GITHUB_TOKEN 1000 (docs/facts.md#github-rate-limits). */
  primaryPerHour?: number;
  /** GitHub: 900 points a minute, a read 1, a write 5 (docs/facts.md#github-rate-limits). Default: no such limit. */
  pointsPerMinute?: number;
  /** GitHub: 80 content-creating requests a minute (docs/facts.md#github-rate-limits). Default: no such limit. */
  writesPerMinute?: number;
  /** "403 or 429" (rate-limits-for-the-rest-api.md). Default 403. */
  status?: 403 | 429;
}

export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Rate {
  limit: number;
  used: number;
  remaining: number;
  /** Seconds since the epoch. */
  reset: number;
}

export interface Refusal {
  status: number;
  message: string;
  headers?: Record<string, string>;
}

export interface Call {
  /** Start of the links in answers, e.g. `https://localhost:8443/api/v3`. */
  api: string;
  /** This call's own address, without the query. */
  url: string;
  /** What stands in the place of `:name` in the route's path, decoded. */
  params: { readonly [name: string]: string };
  query: URLSearchParams;
  body: string;
  grant: Grant;
  rate: Rate;
  now: number;
  /** Where the path names one; the token sees it. */
  repository: Repository | undefined;
  nextId(): number;
}

export interface Route {
  method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  /** As X-Accepted-GitHub-Permissions says it, e.g. `secrets=write`; all are needed. */
  needs: readonly string[];
  /** `externalDocs.url` of the operation in github.openapi.json: the `documentation_url` of its errors. */
  docs: string;
  handle(call: Call): Answer | Refusal;
}

export const DOCS = 'https://docs.github.com/rest';

export const NOT_FOUND: Refusal = { status: 404, message: 'Not Found' };

/** A need is written as in X-Accepted-GitHub-Permissions: `secrets=write`. */
const has = (grant: Grant, need: string): boolean => {
  const [permission = '', level] = need.split('=');
  // Everybody who sees a repository may read its metadata; /user and /rate_limit ask for no permission.
  if (permission === 'metadata' || permission === 'allows_permissionless_access') return true;
  // `permissions:` of a workflow has no `secrets` scope: GITHUB_TOKEN never has it (docs/facts.md#github-token).
  if (grant.kind === 'github-token' && /secrets$|^environments$/.test(permission)) return false;
  const granted = grant.permissions[permission as Permission];
  return granted === 'write' || granted === level;
};

/** The refusal of a token that lacks a permission (docs/facts.md#github-permissions). */
export function lacking(grant: Grant, needs: readonly string[]): Refusal | undefined {
  if (needs.every((need) => has(grant, need))) return undefined;
  if (grant.kind === 'fine-grained') {
    return { status: 403, message: 'Resource not accessible by personal access token' };
  }
  // An App token that lacks the permission gets the same answer as GITHUB_TOKEN (docs/facts.md#github-token).
  if (grant.kind !== 'classic') return { status: 403, message: 'Resource not accessible by integration' };
  // Classic tokens: without the scope GitHub hides the thing, with the scope and too small a role it says why.
  // Neither was re-checked for secrets (docs/facts.md#github-not-found).
  const reads = needs.map((need) => need.replace('=write', '=read'));
  return reads.every((need) => has(grant, need))
    ? { status: 403, message: 'Must have admin rights to Repository.' }
    : NOT_FOUND;
}

/** What a token cannot see does not exist for it: 404 (docs/facts.md#github-not-found). */
export const sees = (grant: Grant, fullName: string): boolean =>
  grant.repositories === undefined ||
  grant.repositories === 'all' ||
  grant.repositories.some((name) => name.toLowerCase() === fullName.toLowerCase());

/** `Bearer x` or `token x`; both are in use (octokit, gh). Undefined: no such header. */
export const tokenOf = (authorization: string | undefined): string | undefined =>
  authorization?.replace(/^(bearer|token)\s+/i, '').trim();

/** Whole seconds, as every date that GitHub answers (docs/facts.md#github-secret-record). */
export const isoSeconds = (milliseconds: number): string =>
  `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;

/** "Problems parsing JSON" and the object rule: docs, troubleshooting-the-rest-api and getting-started client errors. */
export function parseBody(text: string): { fields: Record<string, unknown> } | Refusal {
  let value: unknown;
  try {
    value = JSON.parse(text === '' ? '{}' : text);
  } catch {
    return { status: 400, message: 'Problems parsing JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { status: 400, message: 'Body should be a JSON object' };
  }
  return { fields: { ...value } };
}

/** `"a", "b" weren't supplied.` in GitHub's words (rest-api-description #419). */
export function missing(fields: Record<string, unknown>, names: readonly string[]): string | undefined {
  const absent = names.filter((name) => fields[name] === undefined || fields[name] === null);
  if (absent.length === 0) return undefined;
  return `${absent.map((name) => `"${name}"`).join(', ')} ${absent.length === 1 ? "wasn't" : "weren't"} supplied.`;
}

export const invalid = (problem: string): Refusal => ({
  status: 422,
  message: `Invalid request.\n\n${problem}`,
});

/** One page, with the `link` header that octokit and gh follow (per_page 30, at most 100: openapi parameter per-page). */
export function paged<T>(call: Call, all: readonly T[]): { items: T[]; headers: Record<string, string> } {
  const size = Math.min(Math.max(Number(call.query.get('per_page')) || 30, 1), 100);
  const page = Math.max(Number(call.query.get('page')) || 1, 1);
  const last = Math.max(Math.ceil(all.length / size), 1);
  const link = (to: number, rel: string): string => {
    const query = new URLSearchParams(call.query);
    query.set('page', `${to}`);
    return `<${call.url}?${query}>; rel="${rel}"`;
  };
  const before = page > 1 ? [link(page - 1, 'prev'), link(1, 'first')] : [];
  const after = page < last ? [link(page + 1, 'next'), link(last, 'last')] : [];
  const headers: Record<string, string> = last > 1 ? { link: [...before, ...after].join(', ') } : {};
  return { items: all.slice((page - 1) * size, page * size), headers };
}

/** docs/facts.md#github-rate-limits: a request without a valid token counts against 60 an hour. */
const HOURLY: { readonly [kind: string]: number } = { nobody: 60, 'github-token': 1000 };
const HOUR = 3_600_000;
const MINUTE = 60_000;

/** The counters of one token. */
export class Quota {
  readonly limit: number;
  readonly #limits: Limits;
  #used = 0;
  #hourEnds = 0;
  #minuteEnds = 0;
  #points = 0;
  #writes = 0;

  constructor(limits: Limits, kind: Grant['kind'] | undefined) {
    this.#limits = limits;
    this.limit = limits.primaryPerHour ?? HOURLY[kind ?? 'nobody'] ?? 5000;
  }

  state(now: number): Rate {
    if (now >= this.#hourEnds) {
      this.#used = 0;
      this.#hourEnds = now + HOUR;
    }
    const used = Math.min(this.#used, this.limit);
    return { limit: this.limit, used, remaining: this.limit - used, reset: Math.ceil(this.#hourEnds / 1000) };
  }

  /** Counts one request, or says why it is one too many. */
  spend(now: number, method: string): Refusal | undefined {
    const { remaining } = this.state(now);
    const status = this.#limits.status ?? 403;
    if (remaining === 0) return { status, message: 'API rate limit exceeded for user ID 1.' };
    if (now >= this.#minuteEnds) {
      this.#minuteEnds = now + MINUTE;
      this.#points = 0;
      this.#writes = 0;
    }
    this.#used += 1;
    this.#points += method === 'GET' ? 1 : 5;
    this.#writes += method === 'GET' ? 0 : 1;
    const { pointsPerMinute = Infinity, writesPerMinute = Infinity } = this.#limits;
    if (this.#points <= pointsPerMinute && (method === 'GET' || this.#writes <= writesPerMinute))
      return undefined;
    const message =
      'You have exceeded a secondary rate limit. Please wait a few minutes before you try again. ' +
      'If you reach out to GitHub Support for help, please include the request ID.';
    return { status, message, headers: { 'retry-after': `${Math.ceil((this.#minuteEnds - now) / 1000)}` } };
  }
}
