/** Credentials with another mark: what the message says of them ends it, whoever made them. */

import { describe, expect, it } from 'vitest';
import { parseDestination } from '../../../src/model/secret-location.ts';
import { type Day, Days, OURS, type Seeded, SHOP } from '../../support/days.ts';

const PROD = 'env:acme/ops/prod';
const FORMERLY = 'repo:old/shop#PEM';
const of = (owner: string, id: string, age: number): Seeded => ({ id, age, owner });
const movedFrom = (...places: string[]) => ({
  movedFrom: places.flatMap((place) => {
    const destination = parseDestination(place);
    return destination ? [{ destination, secretName: undefined }] : [];
  }),
});
const failed = ({ error, message }: Day) => `${error?.code}: ${message}`;

describe('the first destination is taken out, since nobody reads it', () => {
  const world = () => {
    const records = [of(OURS, 'p', 40), of(OURS, 'c', 10)];
    const left = new Days(records, { [SHOP]: ['p', 1], [PROD]: ['c', 9.9999] });
    left.archived.add(`${SHOP} PEM`);
    return left;
  };

  it('the message gives the line that makes the next one the first, and with it the rotation goes on', async () => {
    const days = world();
    const stopped = await days.day({ current: 'none', destinations: [SHOP, PROD], force: true });
    expect(stopped.message).toContain(
      `Or, if nobody reads it, take ${SHOP} out of destinations and in the same change add \`moved-from: ${OURS}\`. Then ${PROD} must be the first`,
    );
    const followed = await days.day({ current: 'none', destinations: [PROD], ...movedFrom(SHOP) });
    expect(followed).toMatchObject({ error: undefined, lockedOut: [] });
    expect(days.works(PROD)).toBe(true);
  });

  it('without that line the next run would take the credentials for another workflow’s', async () => {
    expect(failed(await world().day({ current: 'none', destinations: [PROD] }))).toMatch(/^SECRET_EXISTS/);
  });
});

describe('a mark that is not ours', () => {
  it('may be of this workflow before: each owner has its line', async () => {
    const owners = [FORMERLY, 'env:acme/ops/prod#PEM'];
    const world = new Days([of(owners[0] ?? '', 'p', 70), of(owners[1] ?? '', 'c', 65)], {
      [SHOP]: ['c', 1],
    });
    const { message } = await world.day({ current: 'none' });
    for (const owner of owners)
      expect(message).toContain(
        `If ${owner.replace('#', ', secret ')}, used to be the first destination of this workflow (its repository or its secret was renamed, or the input destinations was changed), add the line \`moved-from: ${owner}\`.`,
      );
  });

  it('may be of another workflow: the message says how one of the two goes on', async () => {
    const world = new Days([of(OURS, 'c', 65), of(FORMERLY, 'o', 20)], { [SHOP]: ['c', 64.9999] });
    const { message } = await world.day({ current: 'none' });
    expect(message).toMatch(/^Client client cannot hold another credential/);
    expect(message).toContain(
      "To keep this one, disable the other workflow and add its destinations to this one, and pass current-credential. Only when every reader of the other's secret has the pair that this workflow stores as PEM, delete in Auth0 what was made for repo:old/shop#PEM. To keep the other, disable this one",
    );
    world.delete('o');
    expect(await world.day({ current: 'none' })).toMatchObject({ rotated: true, lockedOut: [] });
  });

  it('is announced with the same words while nothing is due', async () => {
    const world = new Days([of(OURS, 'c', 10), of(FORMERLY, 'o', 20)], { [SHOP]: ['c', 9.9999] });
    const { notes } = await world.day();
    expect(notes).toMatch(
      /The next rotation, on .*, will fail: o was made for repo:old\/shop#PEM\. If repo:old\/shop, secret PEM, used to be the first destination/,
    );
    expect(notes).toContain('disable the other workflow and add its destinations to this one. Only when');
  });
});

describe('an owner that is too long for a mark', () => {
  it('is a digest there, which no moved-from can name', async () => {
    const long = `env:acme/ops/${'e'.repeat(120)}#PEM`;
    const world = new Days([of(OURS, 'c', 65), of(long, 'o', 20)], { [SHOP]: ['c', 64.9999] });
    const { message } = await world.day({ current: 'none' });
    expect(message).toContain('delete in Auth0 what was made for sha256:');
    expect(message).not.toContain('moved-from');
    const taken = [{ ...of(OURS, 'c', 65), associated: false }, of(long, 'o', 20)];
    const { notes } = await new Days(taken, { [SHOP]: ['c', 64.9999] }).day({ force: true, revoke: true });
    expect(notes).toMatch(
      /o \(made for sha256:.*\) stays valid\. If its key has leaked, take it out in Auth0 now \(docs\/recipes\.md, Take a credential out by hand\)\.$/m,
    );
  });
});

describe('the newest credential has a former mark, and an older one has ours', () => {
  it('the destinations were reordered and put back: the message names the order, and that ends it', async () => {
    const records = [of(OURS, 'p', 40), of('env:acme/ops/prod#PEM', 'c', 20)];
    const world = new Days(records, { [SHOP]: ['c', 19.9999], [PROD]: ['c', 19.9999] });
    const stopped = await world.day({ destinations: [SHOP, PROD], current: 'none' });
    expect(failed(stopped)).toMatch(
      /^ROTATION_IN_PROGRESS: Two workflows seem to rotate this client: run 1\.1 made c for env:acme\/ops\/prod PEM, after/,
    );
    expect(stopped.message).toContain(
      `If that was the first destination of this workflow at that time, put ${PROD} first in destinations again.`,
    );
    const followed = await world.day({ destinations: [PROD, SHOP], current: 'none' });
    expect(followed).toMatchObject({ error: undefined, reason: 'NotDue' });
  });

  it('the secret was renamed and named back: the message names the secret', async () => {
    const records = [of(OURS, 'p', 40), of('repo:acme/shop#OLD', 'c', 20)];
    const world = new Days(records, { [SHOP]: ['p', 39.9999], [`${SHOP} OLD`]: ['c', 19.9999] });
    const { message } = await world.day({ current: 'none' });
    expect(message).toContain(
      'If that was the first destination of this workflow at that time, set `secret-name: OLD` again.',
    );
    expect(await world.day({ current: 'none', secretName: 'OLD' })).toMatchObject({ error: undefined });
  });

  it('it belongs to another workflow that still rotates: nothing is to be deleted, and nobody is locked out', async () => {
    const records = [of(OURS, 'p', 40), of('repo:acme/shop#OLD', 'o', 20)];
    const world = new Days(records, { [SHOP]: ['p', 39.9999], [`${SHOP} OLD`]: ['o', 19.9999] });
    const { message } = await world.day({ current: 'none' });
    expect(message).toContain(
      'disable this one: let the readers of PEM read the secret that the other writes',
    );
    expect(message).not.toContain('delete in Auth0');
    expect(await world.day({ secretName: 'OLD', current: 'none' })).toMatchObject({
      error: undefined,
      lockedOut: [],
    });
    const elsewhere = [of(OURS, 'p', 40), of('repo:old/shop#PEM', 'o', 20)];
    const both = new Days(elsewhere, { [SHOP]: ['p', 39.9999], 'repo:old/shop': ['o', 19.9999] });
    const refused = await both.day({ current: 'none', destinations: [SHOP, 'repo:old/shop'] });
    expect(refused.message).toContain(`add ${SHOP} to the destinations of the other, after its own`);
    const theirs = await both.day({ destinations: ['repo:old/shop', SHOP] });
    expect(theirs).toMatchObject({ error: undefined, lockedOut: [] });
  });
});

describe('revoke: previous with other destinations than the rotation', () => {
  const CURRENT = of(OURS, 'c', 65);
  const revoke = (records: Seeded[], secrets: Record<string, [string, number]>, more = {}) =>
    new Days(records, secrets).day({ current: 'none', force: true, revoke: true, ...more });

  it.each<[string, Seeded, string]>([
    [
      'an environment of the repository, whose readers would lose the key',
      of('env:acme/shop/live#PEM', 'e', 65),
      'env:acme/shop/live',
    ],
    [
      'a repository whose key would stay valid',
      of('repo:acme/ops#PEM', 'e', 65),
      'repo:acme/ops, secret PEM',
    ],
  ])('is refused before any effect: %s', async (_, record, where) => {
    const day = await revoke([record], { 'env:acme/shop/live': ['e', 64.9999] });
    expect(day.error).toMatchObject({
      code: 'CANNOT_REVOKE',
    });
    expect(day.message).toContain(`${SHOP} PEM has no secret yet.`);
    expect(day.message).toContain(where);
    expect(day.message).toContain('the destinations and the secret names of the workflow that rotates');
    expect(day).toMatchObject({ removed: [], lockedOut: [] });
  });

  it('goes on if the primary has its secret, or if nothing was delivered elsewhere', async () => {
    expect(await revoke([CURRENT], { [SHOP]: ['c', 64.9999] })).toMatchObject({
      error: undefined,
      removed: ['c'],
    });
    expect(await revoke([{ id: 'h', age: 5 }], {})).toMatchObject({ error: undefined, removed: ['h'] });
  });

  it('names whom it interrupts although no destination holds what they use', async () => {
    for (const age of [4, 65]) {
      const records = [of(OURS, 'c', age), { id: 'h', age: 80 }];
      const { notes, removed } = await revoke(records, { [SHOP]: ['c', age - 0.0001] });
      expect(removed.toSorted()).toEqual(['c', 'h']);
      expect(notes).toMatch(/^INTERRUPTION: h, which was made by hand on .* is removed, too\./m);
    }
    expect((await revoke([CURRENT], { [SHOP]: ['c', 64.9999] })).notes).not.toContain('made by hand');
  });
});

describe('a secret to which the workflow delivered before', () => {
  it('is announced until it is gone, with the day on which its readers fail', async () => {
    const world = new Days([of('repo:acme/shop#OLD', 'p', 40)], { [`${SHOP} OLD`]: ['p', 39.9999] });
    const [first, second] = [await world.day(), await world.day()];
    expect(first).toMatchObject({ rotated: true, error: undefined });
    for (const { notes } of [first, second])
      expect(notes).toMatch(
        /WARNING: repo:acme\/shop OLD may still hold p, .* cannot log in after 20\d\d-.* Let them read repo:acme\/shop PEM/,
      );
  });

  it("is not announced if it is one of today's destinations", async () => {
    const world = new Days([of('env:acme/ops/prod#PEM', 'p', 40)], { [PROD]: ['p', 39.9999] });
    const { notes } = await world.day({ destinations: [SHOP, PROD] });
    expect(notes).not.toContain('stores nothing there any more');
  });
});
