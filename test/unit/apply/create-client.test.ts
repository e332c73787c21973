/** A client that is created, against a tenant that only answers: which one is taken for ours, what is waited for, and what is deleted. */

import { describe, expect, it } from 'vitest';
import { createClient, deleteMade, type MadeClient } from '../../../src/apply/create-client.ts';
import type { Tenant } from '../../../src/auth0/tenant.ts';
import { type ErrorCode, RotationError } from '../../../src/errors.ts';
import { Cancellation } from '../../../src/http/clock.ts';
import type { Registration } from '../../../src/model/key-pair.ts';
import { clientOwnerOf } from '../../../src/model/ownership.ts';
import { virtualClock } from '../../support/clock.ts';
import { desired, NOW, state } from '../../support/states.ts';

const WANTED = desired({ operation: 'create', clientId: '', clientName: 'orders' });
const OBSERVED = state(WANTED, { method: 'nothing' });
const OURS = clientOwnerOf(WANTED);
const REGISTRATION = { name: 'of this run' } as Registration;
const FLIGHT = 60_000;

const failing = (code: ErrorCode) => Promise.reject(new RotationError(code, { failed: 'No.', remedy: '' }));

interface Tale {
  /** What each POST returns; the last one stays. */
  answers?: readonly (string | 'lost')[];
  /** The clients of each listing, with the names of their credentials. */
  listings?: readonly Readonly<Record<string, readonly string[]>>[];
  /** Whose client the listing shows; by default this workflow's. */
  owner?: string;
  /** The names in the pool of the new client, or an error, for each read; the last one stays. */
  pools?: readonly (readonly string[] | ErrorCode)[];
  /** Likewise of the client. */
  clients?: readonly ('there' | ErrorCode)[];
}

function tell({ answers = ['new'], clients = ['there'], listings = [{}], owner = OURS, pools }: Tale) {
  const { clock, waits } = virtualClock(NOW);
  const deleted: string[] = [];
  const count = { posts: 0, listings: 0, pools: 0, clients: 0 };
  const nth = <T>(all: readonly T[], what: keyof typeof count): T => {
    count[what] += 1;
    return all[Math.min(count[what], all.length) - 1] as T;
  };
  const others = Object.assign({}, ...listings) as Record<string, readonly string[]>;
  const credentialsOf = (names: readonly string[]) => names.map((name) => ({ name }));
  const tenant = {
    createClient: async () => {
      const answer = nth(answers, 'posts');
      return answer === 'lost' ? 'lost' : { clientId: answer };
    },
    clients: async () => Object.keys(nth(listings, 'listings')).map((id) => ({ id, owner })),
    client: async (id: string) => {
      const read = nth(clients, 'clients');
      return read === 'there' ? { id } : failing(read);
    },
    credentials: async (id: string) => {
      const listed = others[id];
      if (listed && id !== 'new') return credentialsOf(listed);
      const read = nth(pools ?? [[REGISTRATION.name]], 'pools');
      return typeof read === 'string' ? failing(read) : credentialsOf(read);
    },
    deleteClient: async (id: string) => {
      deleted.push(id);
    },
  } as unknown as Tenant;
  const cancellation = new Cancellation(new AbortController().signal);
  const made: MadeClient = {};
  const services = { tenant, clock, cancellation };
  const create = () => createClient(WANTED, OBSERVED, services, REGISTRATION, made);
  return { count, create, deleted, made, services, waits };
}

describe('a client that was created', () => {
  it('is read back without the wait for a lost answer, listed or not', async () => {
    for (const listings of [[{}], [{ new: [REGISTRATION.name] }]]) {
      const { create, made, waits } = tell({ listings });
      expect((await create()).client.id).toBe('new');
      expect([made, waits]).toEqual([{ id: 'new' }, []]);
    }
  });

  it('whose answer was lost is ours by the name of its credential', async () => {
    const { create, made, waits } = tell({ answers: ['lost'], listings: [{ found: [REGISTRATION.name] }] });
    expect((await create()).client.id).toBe('found');
    expect([made.id, waits]).toEqual(['found', []]);
  });

  it('whose answer was lost may be listed later', async () => {
    const { count, create, waits } = tell({
      answers: ['lost'],
      listings: [{}, { found: [REGISTRATION.name] }],
    });
    expect((await create()).client.id).toBe('found');
    expect([count.posts, waits]).toEqual([1, [FLIGHT]]);
  });

  it("is not another run's, whose credential has another name", async () => {
    const { create, made } = tell({ answers: ['lost'], listings: [{ theirs: ['of another run'] }] });
    await expect(create()).rejects.toMatchObject({
      code: 'ROTATION_IN_PROGRESS',
      failed: expect.stringContaining("Another run made a client named 'orders'"),
      remedy: expect.stringContaining('give the workflow a concurrency group'),
    });
    expect(made).toEqual({ until: NOW + FLIGHT });
  });

  it("is not another workflow's", async () => {
    const { count, create } = tell({
      answers: ['lost', 'new'],
      listings: [{ theirs: [REGISTRATION.name] }],
      owner: 'another',
    });
    expect((await create()).client.id).toBe('new');
    expect(count.posts).toBe(2);
  });

  it.each<[string, Tale]>([
    ['its credentials', { pools: ['CLIENT_NOT_FOUND', [], ['by hand'], ['by hand', REGISTRATION.name]] }],
    ['itself', { clients: ['CLIENT_NOT_FOUND', 'CLIENT_NOT_FOUND', 'there'] }],
  ])('is read again until Auth0 shows %s', async (_, tale) => {
    const { pool } = await tell(tale).create();
    expect(pool.map(({ name }) => name)).toContain(REGISTRATION.name);
  });

  it.each<Tale>([
    { clients: ['CLIENT_NOT_FOUND'] },
    { pools: ['CLIENT_NOT_FOUND'] },
    { pools: [['by hand']] },
    { answers: ['lost'] },
  ])('that never shows is an error that says what the next run does: %o', async (tale) => {
    await expect(tell(tale).create()).rejects.toMatchObject({
      code: 'AUTH0_REQUEST_FAILED',
      failed: expect.stringContaining('does not show the client'),
      remedy: expect.stringMatching(/status page of Auth0, .* It finds a client that was created after all/),
    });
  });

  it.each<Tale>([{ clients: ['AUTH0_FORBIDDEN'] }, { pools: ['AUTH0_FORBIDDEN'] }])(
    'is not read again if Auth0 refuses: %o',
    async (tale) => {
      const { create, waits } = tell(tale);
      await expect(create()).rejects.toMatchObject({ code: 'AUTH0_FORBIDDEN' });
      expect(waits).toEqual([]);
    },
  );
});

describe('the undo of a creation', () => {
  const SAID = 'The new client was deleted again.';

  it.each<[string, MadeClient, string[], string, number]>([
    ['deletes the client, whatever is listed', { id: 'x' }, ['x'], SAID, 0],
    ['deletes it, too, after a lost answer', { id: 'x', until: NOW + FLIGHT }, ['x'], SAID, 0],
    ['finds it if its id is not known', { until: NOW + FLIGHT }, ['found'], SAID, 1],
    ['looks for nothing if none was made', {}, [], '', 0],
  ])('%s', async (_, made, deleted, said, listings) => {
    const tale = tell({ listings: [{ theirs: ['of another run'], found: [REGISTRATION.name] }] });
    expect(await deleteMade(WANTED, tale.services, REGISTRATION.name, made)).toBe(said);
    expect([tale.deleted, tale.count.listings]).toEqual([deleted, listings]);
    expect([made, tale.waits]).toEqual([{}, []]);
  });

  it.each<[string, number, number[], number]>([
    ['looks again once the POST cannot land any more', NOW + 20_000, [20_000], 2],
    ['looks once if it cannot land any more', NOW, [], 1],
  ])('%s, and says that no client of this run is there', async (_, until, waits, listings) => {
    const tale = tell({ listings: [{ theirs: ['of another run'] }] });
    const made = { until };
    const said = await deleteMade(WANTED, tale.services, REGISTRATION.name, made);
    expect([said, tale.deleted, made]).toEqual(['Auth0 shows no client of this run.', [], {}]);
    expect([tale.waits, tale.count.listings]).toEqual([waits, listings]);
  });

  it('deletes a client that lands late', async () => {
    const tale = tell({ listings: [{}, { found: [REGISTRATION.name] }] });
    expect(await deleteMade(WANTED, tale.services, REGISTRATION.name, { until: NOW + FLIGHT })).toBe(SAID);
    expect([tale.deleted, tale.waits]).toEqual([['found'], [FLIGHT]]);
  });
});
