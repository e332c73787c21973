/** Reads the tenant logs: who logged in with which certificate of a client (GET /api/v2/logs; docs log-search-query-syntax). */

import { PAGE } from '../http/pages.ts';
import type { Usage, Use } from '../model/observed-state.ts';
import { DAY } from '../model/timing.ts';
import type { LogEntry } from './records.ts';
import type { Tenant } from './tenant.ts';

/** Auth0 returns at most 100 entries per request and 1,000 per search (docs retrieve-log-events-using-mgmt-api). */
const PAGES = 10;
/** More searches would use up the tenant's rate limit of the Management API. */
const MOST = 5_000;

/**
 * Reads every use of a certificate of this client from `since` on. A search returns at most 1,000 entries, newest first, so each further
 * search looks only at what is older.
 * @param since milliseconds, Auth0's clock
 * @returns the uses, and the time from which they are complete
 * @throws RotationError AUTH0_…
 */
export async function readUses(
  tenant: Tenant,
  clientId: string,
  since: number,
): Promise<Pick<Usage, 'since' | 'uses'>> {
  // Auth0 deletes old entries. Only an entry from before `since` shows that the later ones still exist.
  const [oldest] = await tenant.logs(new URLSearchParams({ sort: 'date:1', per_page: '1' }));
  const keptFrom = Math.max(since, oldest?.at ?? tenant.now());
  const seen = new Map<string, LogEntry>();
  /** From here on no entry is missing in `seen`. */
  let completeFrom = tenant.now();
  let until = '*';
  while (seen.size < MOST) {
    const found = await search(tenant, searchFor(clientId, since, until));
    const added = found.filter(({ id }) => !seen.has(id));
    // An entry that is in this search and in an earlier one shows that none is missing between them.
    const isGapless = seen.size === 0 || added.length < found.length;
    for (const entry of added) seen.set(entry.id, entry);
    if (!isGapless) break;
    const isLast = found.length < PAGE * PAGES;
    if (isLast) return { since: keptFrom, uses: usesIn(seen) };
    completeFrom = Math.min(completeFrom, ...found.map(({ at }) => at));
    if (added.length === 0) break;
    // The end of a search is a whole second. Rounding up makes each search repeat the last second of the one before.
    until = second(completeFrom + 999);
  }
  return { since: completeFrom, uses: usesIn(seen) };
}

function usesIn(seen: ReadonlyMap<string, LogEntry>): Use[] {
  return [...seen.values()].filter(({ identity }) => identity !== '');
}

/** The latest uses, as many as one request returns. @throws RotationError AUTH0_… */
export async function latestUses(tenant: Tenant, clientId: string): Promise<Use[]> {
  return tenant.logs(searchFor(clientId, tenant.now(), '*'));
}

/**
 * Why Auth0 did not authenticate the client, in the log's words. undefined if the logs cannot be read or do not show it yet.
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
    // Most management clients may not read the logs. Here they only improve a message.
    return undefined;
  }
}

/** Every log type with a thumbprint (docs/facts.md#auth0-logs). They cover all grants, also those of web applications. */
const WITH_THUMBPRINT =
  'type:se* OR type:sdeleacft OR type:idjag_exchange_succeeded OR type:ciba_* OR type:w';

/** The query for one client. It starts a day before `since`, since Auth0 does not document the time zone of a query. */
function searchFor(clientId: string, since: number, until: string, types = WITH_THUMBPRINT): URLSearchParams {
  const id = clientId.replace(/["\\]/g, '\\$&');
  const range = `date:[${second(since - DAY)} TO ${until}]`;
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
