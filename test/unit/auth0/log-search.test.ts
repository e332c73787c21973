/** How the tenant logs are searched: the words of each query, and what of the answers counts. */

import { describe, expect, it } from 'vitest';
import { latestUses, readUses, whyRefused } from '../../../src/auth0/logs.ts';
import { Tenant } from '../../../src/auth0/tenant.ts';
import { Conversation } from '../../support/conversation.ts';
import type { Answer } from '../../support/wire.ts';

const talk = new Conversation();
async function tenantOf(...answers: Answer[]): Promise<Tenant> {
  await talk.answer(answers);
  return new Tenant(talk.line.service('Auth0'), talk.server.served.host, async () => 'token');
}
const queries = () =>
  talk.server.exchanges.map(({ path }) => Object.fromEntries(new URLSearchParams(path.split('?')[1])));

const SINCE = Date.parse('2026-11-24T12:00:00Z');
const entry = (log_id: string, date: string, changes: object = {}) => ({
  log_id,
  date,
  mtls_thumbprint_sha256: 't',
  ...changes,
});

describe('a search', () => {
  it('begins a day earlier, since the time zone is not documented, and asks for all ways to a token', async () => {
    const found = [
      entry('b', '2026-11-25T12:00:00Z'),
      entry('a', '2026-11-24T12:00:00Z', { mtls_thumbprint_sha256: '' }),
    ];
    const tenant = await tenantOf({ body: [entry('0', '2026-11-01T12:00:00Z')] }, { body: found });
    const { since, uses } = await readUses(tenant, 'c"l\\ient', SINCE);
    expect(queries()).toEqual([
      { sort: 'date:1', per_page: '1' },
      {
        q: 'client_id:"c\\"l\\\\ient" AND (type:se* OR type:sdeleacft OR type:idjag_exchange_succeeded OR type:ciba_* OR type:w) AND date:[2026-11-23T12:00:00 TO *]',
        sort: 'date:-1',
        per_page: '100',
        page: '0',
      },
    ]);
    // One without a certificate is no use of one.
    expect([since, uses.map(({ at }) => new Date(at).toISOString())]).toEqual([
      SINCE,
      ['2026-11-25T12:00:00.000Z'],
    ]);
  });

  it('knows nothing of the time before the oldest entry that is kept', async () => {
    const oldest = '2026-11-25T00:00:00Z';
    const tenant = await tenantOf({ body: [entry('0', oldest)] }, { body: [] });
    expect((await readUses(tenant, 'c', SINCE)).since).toBe(Date.parse(oldest));
  });

  it('knows nothing at all if no logs are kept', async () => {
    const tenant = await tenantOf({ body: [] });
    expect((await readUses(tenant, 'c', SINCE)).since).toBeGreaterThan(Date.now() - 60_000);
  });
});

it('the latest uses are one page, up to now', async () => {
  const tenant = await tenantOf({ body: [entry('a', '2026-11-25T12:00:00Z')] });
  expect(await latestUses(tenant, 'c')).toHaveLength(1);
  expect(queries()).toEqual([
    {
      q: expect.stringMatching(/^client_id:"c" AND \(type:se\* .* TO \*\]$/),
      sort: 'date:-1',
      per_page: '100',
    },
  ]);
});

describe('why a client was refused', () => {
  const refused = (log_id: string, date: string, description: string) => entry(log_id, date, { description });

  it('is what the first entry says that is young enough and says anything', async () => {
    const tenant = await tenantOf({
      body: [
        refused('c', '2026-11-24T12:00:02Z', ''),
        refused('b', '2026-11-24T12:00:00Z', 'expired'),
        refused('a', '2026-11-24T12:00:01Z', 'later'),
      ],
    });
    expect(await whyRefused(tenant, 'c', SINCE)).toBe('expired');
    expect(queries()[0]?.q).toMatch(/AND \(type:fe\*\) AND date:\[2026-11-23T12:00:00 TO \*\]$/);
    const old = new Tenant(talk.line.service('Auth0'), talk.server.served.host, async () => 'token');
    expect(await whyRefused(old, 'c', SINCE + 60_000)).toBeUndefined();
  });

  it('is not known if the logs may not be read', async () => {
    expect(await whyRefused(await tenantOf({ status: 403, body: {} }), 'c', SINCE)).toBeUndefined();
  });
});
