/** A watch from end to end in this process: what it asks the plan, what it reports, and what it leaves alone. */

import { describe, expect, it } from 'vitest';
import type { WatchRequest } from '../../../src/model/watch-request.ts';
import { LABEL } from '../../../src/watch/issue.ts';
import { hand, ours } from '../../protocol/starts.ts';
import { type Instead, type Meanwhile, Road } from '../../support/road.ts';

const DAY = 86_400_000;
const HOME = { kind: 'repo', owner: 'acme', repo: 'shop' } as const;
const WATCH: WatchRequest = {
  token: 'github-token',
  home: HOME,
  workflow: { owner: 'acme', repo: 'shop', file: 'rotate.yml' },
  reportIssue: true,
  runUrl: 'https://github.com/acme/shop/actions/runs/1',
};
interface Asked {
  changes?: Partial<WatchRequest>;
  meanwhile?: Meanwhile;
  before?: (road: Road) => void;
}

async function watch(start: string, { before, changes, meanwhile }: Asked = {}) {
  const road = await Road.begin(start, { force: false });
  const { github } = road.world;
  const permissions = { secrets: 'write', environments: 'write', actions: 'read', issues: 'write' } as const;
  github.addToken('github-token', { kind: 'app', permissions });
  github.addWorkflow('acme/shop', 'rotate.yml');
  before?.(road);
  const again = () => road.run(meanwhile, {}, { readOnly: true, watch: { ...WATCH, ...changes } });
  const result = await again();
  return {
    road,
    result,
    again,
    keys: result.watch?.findings.map(({ key, severity }) => `${severity} ${key}`),
    reports: () => road.sent.filter((line) => /^(POST|PATCH) /.test(line) && !line.endsWith('token')),
  };
}

describe('a watch', () => {
  it('returns the remaining lifetime and writes nothing if it finds nothing', async () => {
    const { keys, reports, result, road } = await watch('settled');
    expect([keys, result.error, reports()]).toEqual([[], undefined, []]);
    expect(result.watch).toMatchObject({ isAtWork: false, lifetime: { left: expect.closeTo(80 / 90, 2) } });
    expect(road.writes).toEqual([]);
  });

  it('finds today that the next rotation would be refused', async () => {
    // Two that nobody may take out: nothing is due, and there is no place.
    const { keys, result } = await watch('hand-made, held', {
      before: ({ world }) => void world.add({ ...hand('H2', 20 * DAY), mark: 'other' }),
    });
    expect(keys).toContain('warning RotationRefused');
    expect(result.error).toBeUndefined();
  });

  it('fails if somebody cannot log in, by the worst of them', async () => {
    const { keys, result } = await watch('held, not associated');
    expect(keys?.[0]).toMatch(/^failure NotAssociated/);
    expect(result.error).toMatchObject({
      code: 'WATCH_FAILED',
      alarm: 'consumers CANNOT LOG IN. Act at once',
      failed: expect.stringContaining('a failure'),
    });
    expect(result.error?.message).toMatch(/^Consumers CANNOT LOG IN\. Act at once\. The watch has found/);
  });

  it('counts more failures than one, worst first', async () => {
    const { keys, result } = await watch('nothing associated', {
      before: ({ world }) => world.github.addWorkflow('acme/shop', 'rotate.yml', 'disabled_inactivity'),
    });
    const failures = keys?.filter((key) => key.startsWith('failure')) ?? [];
    expect(failures.length).toBeGreaterThan(1);
    expect(keys?.slice(0, failures.length)).toEqual(failures);
    expect(result.error?.failed).toContain(`${failures.length} failures`);
    expect(result.error?.alarm).toBe('NOBODY CAN LOG IN. Act at once');
  });

  it('looks at no workflow if none is named', async () => {
    const { keys, road } = await watch('settled', { changes: { workflow: undefined } });
    expect(keys).toEqual([]);
    expect(road.sent.join()).not.toContain('rotate.yml');
  });

  it('takes what it could not see for no good news', async () => {
    const { keys, reports, result } = await watch('settled', {
      meanwhile: (line) => (/rotate\.yml|environments$/.test(line) ? { status: 500 } : undefined),
    });
    expect(keys).toEqual(['failure WorkflowUnread', 'failure ShadowsUnread']);
    expect([result.error?.code, result.error?.alarm]).toEqual(['WATCH_FAILED', undefined]);
    expect(reports()).toEqual([]);
  });

  it('knows nothing of a client that Auth0 does not answer for: that passes', async () => {
    const { reports, result } = await watch('settled', {
      meanwhile: (line) => (line === 'GET client' ? { status: 500 } : undefined),
    });
    expect(result.watch).toBeUndefined();
    expect(result.error?.code).toBe('AUTH0_REQUEST_FAILED');
    expect(reports()).toEqual([]);
  });

  it('reports that it may not look: that does not pass', async () => {
    const { keys, reports, result } = await watch('settled', {
      meanwhile: (line) => (line === 'GET client' ? { status: 403 } : undefined),
    });
    expect(keys).toEqual(['failure AUTH0_FORBIDDEN']);
    expect(result.error?.code).toBe('AUTH0_FORBIDDEN');
    expect(reports()).toEqual(['POST repo issues']);
  });

  it('says nothing of a run that is at work', async () => {
    const { reports, result } = await watch('pending, young');
    expect(result.watch).toMatchObject({ isAtWork: true, lifetime: undefined, findings: [] });
    expect(reports()).toEqual([]);
  });
});

describe('its issue', () => {
  it('is opened once, left alone while nothing changes, and closed when all is well', async () => {
    let isDisabled = true;
    const { again, keys, reports, road } = await watch('settled', {
      before: ({ world }) => world.github.addWorkflow('acme/shop', 'rotate.yml', 'disabled_inactivity'),
      meanwhile: (line, _, { world }) => {
        if (line.endsWith('rotate.yml'))
          world.github.addWorkflow('acme/shop', 'rotate.yml', isDisabled ? 'disabled_inactivity' : 'active');
        return undefined;
      },
    });
    expect(keys).toEqual(['failure WorkflowDisabled']);
    expect(reports()).toEqual(['POST repo issues']);
    await again();
    expect(reports()).toHaveLength(1);
    isDisabled = false;
    const { error } = await again();
    expect(error).toBeUndefined();
    expect(reports().map((line) => line.replace(/\d+/, 'N'))).toEqual([
      'POST repo issues',
      'PATCH repo N',
      'POST repo comments',
    ]);
    expect(road.lines.filter((line) => line.startsWith('Issue #'))).toEqual([
      expect.stringMatching(/was opened\.$/),
      expect.stringMatching(/was closed\.$/),
    ]);
    expect(road.sent.join()).not.toContain(LABEL.toUpperCase());
  });

  it('stays as it is while a run is at work', async () => {
    const { again, reports, road } = await watch('settled', {
      before: ({ world }) => world.github.addWorkflow('acme/shop', 'rotate.yml', 'disabled_inactivity'),
    });
    expect(reports()).toHaveLength(1);
    road.world.github.addWorkflow('acme/shop', 'rotate.yml', 'active');
    road.world.add(ours('N1', 5 * 60_000, false));
    const { watch: seen } = await again();
    expect(seen).toMatchObject({ isAtWork: true, findings: [] });
    expect(reports()).toHaveLength(1);
  });

  it.each<[string, RegExp, Instead]>([
    ['an outage of the Actions API', /rotate\.yml$/, { status: 500 }],
    ['a rate limit of the Actions API', /rotate\.yml$/, { status: 429, headers: { 'retry-after': '3600' } }],
    ['no answer of the Actions API', /rotate\.yml$/, 'lost'],
    ['an outage that hides the environments', /environments$/, { status: 500 }],
  ])('stays as it is after what passes: %s', async (_, asked, instead) => {
    let isAway = false;
    const { again, keys, reports, road } = await watch('settled', {
      before: ({ world }) => world.github.addWorkflow('acme/shop', 'rotate.yml', 'disabled_inactivity'),
      meanwhile: (line) => (isAway && asked.test(line) ? instead : undefined),
    });
    expect(keys).toEqual(['failure WorkflowDisabled']);
    isAway = true;
    expect((await again()).error?.code).toBe('WATCH_FAILED');
    road.world.github.addWorkflow('acme/shop', 'rotate.yml', 'active');
    expect((await again()).error?.code).toBe('WATCH_FAILED');
    expect(reports()).toEqual(['POST repo issues']);
  });

  it.each<[string, Instead]>([
    ['a permission that is missing', { status: 403 }],
    ['a workflow that is not there', { status: 404 }],
    [
      'a repository that was renamed',
      { status: 301, headers: { location: 'https://api.github.com/repositories/42/x' } },
    ],
  ])('is opened for what does not pass: %s', async (_, instead) => {
    const { keys, reports } = await watch('settled', {
      meanwhile: (line) => (line.endsWith('rotate.yml') ? instead : undefined),
    });
    expect(keys).toEqual(['failure WorkflowUnread']);
    expect(reports()).toEqual(['POST repo issues']);
  });

  it('is not written if nobody asked for it', async () => {
    const { keys, reports } = await watch('held, not associated', { changes: { reportIssue: false } });
    expect(keys?.length).toBeGreaterThan(0);
    expect(reports()).toEqual([]);
  });

  it('that cannot be written is a finding itself', async () => {
    const { keys } = await watch('held, not associated', {
      meanwhile: (line) => (line === 'GET repo issues' ? { status: 403 } : undefined),
    });
    expect(keys?.at(-1)).toBe('failure IssueNotReported');
  });
});
