/** The tenant logs: who logged in with which certificate of a client (GET /api/v2/logs; docs log-search-query-syntax). */

import { PAGE } from '../http/pages.ts';
import type { Usage, Use } from '../model/observed-state.ts';
import type { LogEntry } from './records.ts';
import type { Tenant } from './tenant.ts';

/** Auth0: 100 entries a request, and 1,000 a search (docs retrieve-log-events-using-mgmt-api). */
const PAGES = 10;
/** More would take the Management API's rate limit from everybody else. */
const MOST = 5_000;

/** Every use of a certificate of this client since then, and from when on that is certain. @throws RotationError AUTH0_… */
export async function readUses(
  tenant: Tenant,
  clientId: string,
  since: number,
): Promise<Pick<Usage, 'since' | 'uses'>> {
  // Nothing is kept for ever: only an entry from before then shows that those after it are still there.
  const [oldest] = await tenant.logs(new URLSearchParams({ sort: 'date:1', per_page: '1' }));
  const kept = Math.max(since, oldest?.at ?? tenant.now());
  const seen = new Map<string, LogEntry>();
  let from = tenant.now();
  for (let until = '*'; ; until = second(from + 999)) {
    const found = await search(tenant, searchFor(clientId, since, until));
    // The last second was asked for again: what is seen twice joins one search to the next.
    const joined = seen.size === 0 || found.some(({ id }) => seen.has(id));
    const before = seen.size;
    for (const entry of found) seen.set(entry.id, entry);
    if (joined) from = Math.min(from, ...found.map(({ at }) => at));
    const isWhole = joined && found.length < PAGE * PAGES;
    if (!isWhole && joined && seen.size > before && seen.size < MOST) continue;
    const uses = [...seen.values()].filter(({ identity }) => identity !== '');
    return { since: isWhole ? kept : from, uses };
  }
}

/** The latest uses, as many as one request returns. @throws RotationError AUTH0_… */
export async function latestUses(tenant: Tenant, clientId: string): Promise<Use[]> {
  return tenant.logs(searchFor(clientId, tenant.now(), '*'));
}

/**
 * Why Auth0 did not authenticate the client, in the log's own words; undefined where they cannot be read, or are not there yet.
 * @param since Auth0's clock
 */
export async function whyRefused(
  tenant: Tenant,
  clientId: string,
  since: number,
): Promise<string | undefined> {
  try {
    const entries = await tenant.logs(searchFor(clientId, since, '*', 'type:fe*'));
    return entries.find(({ at, reason }) => at >= since && reason !== '')?.reason;
  } catch {
    // Most management clients may not read the logs, and nothing depends on them here.
    return undefined;
  }
}

/** Every type that carries a thumbprint (docs/facts.md#auth0-logs): all ways to a token, for consumers that serve people, too. */
const WITH_THUMBPRINT =
  'type:se* OR type:sdeleacft OR type:idjag_exchange_succeeded OR type:ciba_* OR type:w';

/** The day before makes up for a zone that nobody names. */
function searchFor(clientId: string, since: number, until: string, types = WITH_THUMBPRINT): URLSearchParams {
  const id = clientId.replace(/["\\]/g, '\\$&');
  const range = `date:[${second(since - 86_400_000)} TO ${until}]`;
  const q = `client_id:"${id}" AND (${types}) AND ${range}`;
  return new URLSearchParams({ q, sort: 'date:-1', per_page: `${PAGE}` });
}

async function search(tenant: Tenant, query: URLSearchParams): Promise<LogEntry[]> {
  const found: LogEntry[] = [];
  for (let page = 0; page < PAGES; page += 1) {
    query.set('page', `${page}`);
    const entries = await tenant.logs(query);
    found.push(...entries);
    if (entries.length < PAGE) break;
  }
  return found;
}

function second(at: number): string {
  return new Date(at).toISOString().slice(0, 19);
}
