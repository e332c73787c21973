/** Whom a revocation interrupts, in words: those of one credential or of several, of the destinations, of a former one, and of nobody. */

import { describe, expect, it } from 'vitest';
import { by, Days, hand, ours, type Seeded, SHOP } from '../../support/days.ts';

const REVOKE = { current: 'none', force: true, revoke: true } as const;
const lines = async (
  records: readonly Seeded[],
  secrets: ConstructorParameters<typeof Days>[1],
  more: Parameters<Days['day']>[0] = {},
) => {
  const { notes, removed } = await new Days(records, secrets).day({ ...REVOKE, ...more });
  return { notes: notes.split('\n'), removed };
};

describe('what is revoked', () => {
  it('one: nobody can log in with its key', async () => {
    const { notes, removed } = await lines([ours('c', 10)], { [SHOP]: by('c', 10) });
    expect(removed).toEqual(['c']);
    expect(notes).toEqual([
      expect.stringMatching(
        /^INTERRUPTION: c is revoked as soon as its successor .* log in with its key, not even .* issued with it stay valid/,
      ),
    ]);
  });

  it('two: one makes room before anything is delivered, and the other goes after that', async () => {
    const { notes, removed } = await lines([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) });
    expect(removed).toEqual(['p', 'c']);
    expect(notes).toEqual([
      expect.stringMatching(/^INTERRUPTION: c is revoked/),
      expect.stringMatching(
        /^INTERRUPTION: p makes room for the new key, before anything is delivered\. Nobody can log in with it from then on/,
      ),
    ]);
  });

  it('none of two that are kept', async () => {
    const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) });
    const { error } = await world.day({ ...REVOKE, keep: ['p', 'c'] });
    expect(error?.failed).toBe('revoke: previous would remove p, c, but keep-credentials keeps them.');
  });

  it('two that only fill the pool go first', async () => {
    const loose = [ours('p', 70, { associated: false }), ours('q', 60, { associated: false }), ours('c', 10)];
    const { notes } = await lines(loose, { [SHOP]: by('c', 10) });
    expect(notes.join('\n')).toContain(
      'q and p make room for the new key, before anything is delivered. Nobody can log in with them from then on',
    );
  });

  it('of a new client there is nothing', async () => {
    const { notes } = await lines([], {});
    expect(notes).toEqual([
      'WARNING: There was nothing to revoke: the client had no credential of this workflow and none without a mark.',
    ]);
  });
});

describe('what was made by hand', () => {
  it('goes, too: nobody gets a successor of it', async () => {
    const { notes, removed } = await lines([hand('h', 20), ours('c', 10)], { [SHOP]: by('c', 10) });
    expect(removed).toContain('h');
    expect(notes.join('\n')).toMatch(
      /INTERRUPTION: h, which was made by hand on \S+, is removed, too\. Nobody who uses it can log in from then on/,
    );
  });

  it('and two of them', async () => {
    const { notes } = await lines(
      [hand('g', 30), hand('h', 20)],
      {},
      { removableCredentials: new Set(['g', 'h']) },
    );
    expect(notes.join('\n')).toMatch(
      /INTERRUPTION: h, which was made by hand on \S+, and g, which was made by hand on \S+, are removed, too\. Nobody who uses one of them can log in/,
    );
  });
});

describe('what a former destination holds', () => {
  const OLD = 'repo:old/shop';
  const moved = {
    movedFrom: [
      { destination: { kind: 'repo', owner: 'old', repo: 'shop' } as const, secretName: undefined },
    ],
  };
  const records = [{ id: 'p', age: 70, owner: `${OLD}#PEM` }];

  it('goes, too: its readers are named, and where they find the successor', async () => {
    const { notes, removed } = await lines(records, { [SHOP]: by('p', 65), [OLD]: by('p', 70) }, moved);
    expect(removed).toEqual(['p']);
    expect(notes).toContain(
      `INTERRUPTION: The readers of ${OLD} PEM cannot log in from then on, since this run stores nothing there. Let them read ${SHOP} PEM.`,
    );
    expect(notes.join('\n')).not.toContain('may still hold');
  });

  it('has no readers if that secret is gone', async () => {
    const { notes, removed } = await lines(records, { [SHOP]: by('p', 65) }, moved);
    expect(removed).toEqual(['p']);
    expect(notes.join('\n')).not.toContain('The readers of');
  });
});
