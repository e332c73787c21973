/** Job summaries as people see them: rendered as GitHub does it, in a real browser. */

import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { alarm } from '../../src/apply/failure-state.ts';
import { RotationError } from '../../src/errors.ts';
import { findingOf, warning } from '../../src/model/finding.ts';
import type { Outcome, RunResult } from '../../src/model/run-result.ts';
import { changesOf } from '../../src/watch/issue.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import type { Fault } from '../emulators/serve.ts';
import { CREATOR, type Inputs, operate, secretClient, sharedWorld } from '../scenarios/operations.ts';
import { DAY, held, json, SCOPE } from '../scenarios/support.ts';
import {
  current,
  failure,
  idle,
  MINUTES,
  NEW,
  outcome,
  report,
  result,
  settled,
} from '../support/run-result.ts';
import { desired, NOW, state } from '../support/states.ts';
import { CHROMIUM, openScreen, type Screen, type Theme, WIDTH } from './rendering/page.ts';

// Where CI is set the absence of the browser must not pass for a success.
test.runIf(process.env.CI === 'true')('chromium is installed', () => expect(CHROMIUM).toBeDefined());

interface Seen {
  /** Of the charts, from top to bottom. */
  bars: { label: string; x: number; width: number }[];
  milestones: number;
  /** Pairs of labels that cover each other. */
  collisions: string[];
  /** Header and rows of each table. */
  tables: string[][][];
  /** Names of the elements around the charts. */
  elements: string[];
  links: string[];
  /** What is wider than its place. */
  overflow: string[];
}

/** Runs in the page. */
const LOOK = `(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const texts = all('svg text').filter((text) => text.textContent !== '');
  const boxes = texts.map((text) => ({ told: text.textContent, box: text.getBoundingClientRect() }));
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return {
    bars: all('rect.task:not(.milestone)').sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map((bar) => ({
      label: document.getElementById(bar.id + '-text')?.textContent,
      x: bar.getBoundingClientRect().left,
      width: bar.getBoundingClientRect().width,
    })),
    milestones: all('rect.milestone').length,
    collisions: boxes.flatMap((a, index) =>
      boxes.slice(index + 1).filter((b) => meet(a.box, b.box)).map((b) => a.told + ' / ' + b.told),
    ),
    tables: all('article table').map((table) =>
      all('tr', table).map((row) => all('th, td', row).map((cell) => cell.textContent)),
    ),
    elements: [...new Set(all('article *').filter((one) => !one.closest('.mermaid')).map((one) => one.localName))],
    links: all('article a').map((link) => link.getAttribute('href')),
    overflow: all('html, article, table, svg').filter((one) => one.scrollWidth > Math.max(one.clientWidth, 1) + 1).map((one) => one.localName),
  };
})()`;

const ELEMENTS =
  'a blockquote code details h2 h3 li ol p strong sub summary table tbody td th thead tr'.split(' ');
const CELLS: Record<string, RegExp> = {
  Stage: /^(new|current|previous|pending|partly delivered|associated|retired|foreign)$/,
  Created: /^\d{4}‑\d\d‑\d\d$/,
  Expires: /^(\d{4}‑\d\d‑\d\d|–)$/,
  'Before this run': /^(missing|unread|written \d{4}-\d\d-\d\d)$/,
  Now: /^(stored|not stored|in doubt|unchanged)$/,
};

function expectTables(seen: Seen): void {
  for (const [head = [], ...rows] of seen.tables) {
    expect(rows.length).toBeGreaterThan(0);
    for (const cells of rows) {
      expect(cells.length).toBe(head.length);
      for (const [index, name] of head.entries()) {
        const wanted = CELLS[name];
        if (wanted) expect(cells[index]).toMatch(wanted);
      }
    }
  }
}

/** Older credentials stand above and to the left of their successors. */
function expectBars(seen: Seen): void {
  for (const [index, bar] of seen.bars.entries()) {
    expect(bar.width).toBeGreaterThan(1);
    expect(bar.x).toBeGreaterThanOrEqual((seen.bars[index - 1]?.x ?? 0) - 1);
    expect(bar.x + bar.width).toBeLessThanOrEqual(WIDTH);
  }
}

describe.skipIf(CHROMIUM === undefined)('in Chromium (Debian package chromium)', () => {
  let screen: Screen;
  beforeAll(async () => {
    screen = await openScreen();
  });
  afterAll(() => screen?.[Symbol.asyncDispose]());

  /** Holds of every summary, whoever is in it. */
  async function look(summary: string, theme?: Theme): Promise<Seen> {
    expect(await screen.show(summary, theme)).toEqual([]);
    const seen: Seen = await screen.page.evaluate(LOOK);
    expect(ELEMENTS).toEqual(expect.arrayContaining(seen.elements.filter((name) => name !== 'div')));
    expect(seen.collisions).toEqual([]);
    expectTables(seen);
    expect(seen.bars.length > 0).toBe(summary.includes('```mermaid'));
    expectBars(seen);
    return seen;
  }

  /** What is neither code nor a chart. */
  function prose(): Promise<string> {
    return screen.page.evaluate(`(() => {
      const copy = document.querySelector('article').cloneNode(true);
      for (const one of copy.querySelectorAll('code, .mermaid')) one.remove();
      return copy.textContent;
    })()`);
  }

  describe('what the action writes', () => {
    const shared = sharedWorld(CREATOR);

    async function run(inputs: Inputs, exitCode = 0, world = shared()): Promise<string> {
      const done = await operate(world, inputs);
      expect(done.exitCode, done.log).toBe(exitCode);
      expect(done.summary).not.toBe('');
      return done.summary;
    }

    const bars = ({ bars: all }: Seen) => all.map(({ label }) => label.split(' ')[0]);
    const OVERLAP = { overlap: '7d' };

    it('of a client from its first plan to the end of an overlap', async () => {
      // Its time runs far ahead of the certificates that are brought below.
      await using world = await startSandbox();
      const seen: Record<string, Seen> = {};
      const take = async (name: string, inputs: Inputs = {}) => {
        const summary = await run(inputs, 0, world);
        seen[name] = await look(summary);
        await look(summary, 'dark');
      };
      await take('plan', { operation: 'plan' });
      await take('first');
      world.advance(61 * DAY);
      await take('due', { operation: 'plan' });
      await take('rotated', OVERLAP);
      world.advance(DAY);
      await take('overlap', OVERLAP);
      world.advance(8 * DAY);
      await take('over', OVERLAP);
      const told = Object.entries(seen).map(([name, one]) => [name, bars(one), one.milestones]);
      expect(told).toEqual([
        ['plan', ['associated'], 1],
        ['first', ['previous', 'overlap', 'new'], 1],
        ['due', ['previous', 'current'], 1],
        ['rotated', ['previous', 'overlap', 'new'], 1],
        ['overlap', ['previous', 'overlap', 'current'], 1],
        ['over', ['current'], 1],
      ]);
      for (const { links, overflow } of Object.values(seen)) expect([links, overflow]).toEqual([[], []]);
    });

    it('of the other operations and methods', async () => {
      const world = shared();
      const clientId = secretClient(world);
      await look(await run({ operation: 'plan', 'client-id': clientId }));
      const enrolled = await look(await run({ operation: 'enroll', 'client-id': clientId }));
      expect(bars(enrolled)).toEqual(['new']);
      expect(bars(await look(await run({ operation: 'revert', 'client-id': clientId })))).toEqual([]);
      const created = {
        operation: 'create',
        'client-id': '',
        'client-name': 'billing',
        'secret-name': 'BILLING',
      };
      expect(bars(await look(await run(created)))).toEqual(['new']);
      const { key, cert } = world.authority.clientCertificate({ CN: 'reports' });
      const signed = {
        operation: 'enroll',
        'client-id': secretClient(world),
        'secret-name': 'REPORTS',
        'authentication-method': 'tls_client_auth',
        'renew-before-days': '10',
        certificate: cert,
        'private-key': key,
      };
      expect(bars(await look(await run(signed)))).toEqual(['new']);
      // Auth0 records no expiry of a subject DN: current-credential tells it.
      world.advance(DAY);
      const { operation: _, ...again } = signed;
      const notDue = await run({ ...again, 'current-credential': held(world, SCOPE, 'REPORTS') });
      expect(notDue).toContain('nothing is due');
      expect(bars(await look(notDue))).toEqual(['current']);
      const byKey = {
        operation: 'enroll',
        'client-id': secretClient(world),
        'secret-name': 'KEY',
        'authentication-method': 'private_key_jwt',
      };
      expect(bars(await look(await run(byKey)))).toEqual(['new']);
    });

    it.each<[string, Fault]>([
      ['refused', json(403, { message: 'Resource not accessible by integration' })],
      ['in doubt', json(500, { message: 'What?' })],
    ])('of a delivery that is %s', async (name, fault) => {
      const world = shared();
      world.advance(DAY);
      world.github.addRepository('acme/ops');
      world.conditions.fault = (service, { method, path }) =>
        service === 'github' && method === 'PUT' && path.includes('acme/ops') ? fault : undefined;
      const summary = await run({ force: 'true', destinations: 'repo:acme/shop\nrepo:acme/ops' }, 1);
      const { tables } = await look(summary);
      const [, ...locations] = tables.at(-1) ?? [];
      expect(locations.map((cells) => [cells[0], cells.at(-1)])).toEqual([
        ['repo:acme/ops', name === 'refused' ? 'not stored' : 'in doubt'],
        ['repo:acme/shop', 'stored'],
      ]);
    });
  });

  describe('of an outcome', () => {
    const undone = (): Outcome => ({
      ...idle(),
      steps: [
        { text: 'Issue a key pair', milliseconds: 10, outcome: 'done' },
        { text: 'Prove it with a request to Auth0', milliseconds: 30_000, outcome: 'failed' },
      ],
    });
    const interrupted = {
      credentials: [{ id: 'cred_p', age: 70 * MINUTES }, current],
      written: [10 * MINUTES - 1, 60 * MINUTES],
    };
    const two = { destinations: ['repo:acme/shop', 'env:acme/ops/prod'] };

    it.each<[string, RunResult]>([
      ['rotated', result({ force: true }, settled, { outcome: outcome() })],
      ['not proven', result({ force: true }, settled, { outcome: outcome({ proof: 'not proven' }) })],
      ['not due', result({}, settled, { outcome: idle() })],
      [
        'put in order',
        result(
          { current: 'cred_a' },
          { credentials: [{ ...current, associated: false }], written: [10] },
          { outcome: idle() },
        ),
      ],
      ['planned', result({ force: true }, settled, { readOnly: true })],
      ['an interruption that is planned', result(two, interrupted, { readOnly: true })],
      [
        'an interruption that was undone',
        result(two, interrupted, { error: failure('All is well.'), outcome: undone() }),
      ],
      ['failed', result({ force: true }, settled, { error: failure(), outcome: undone() })],
      [
        'failed and expired',
        result(
          {},
          { credentials: [{ ...current, expiresIn: -5 * DAY }], written: [10 * MINUTES - 1] },
          { error: failure(), outcome: undone() },
        ),
      ],
      ['failed before anything was known', { readOnly: false, desired: desired(), error: failure() }],
      [
        'watched',
        result({}, settled, {
          readOnly: true,
          watch: {
            findings: [warning('Orphan', '`cred_b` is an orphan.', 'Start it.')],
            lifetime: { until: NOW + 60 * DAY, left: 0.85 },
            isAtWork: false,
          },
        }),
      ],
      ['a year and more', result({ force: true, validityDays: 825 }, settled, { readOnly: true })],
    ])('%s', async (_, told) => {
      const { summary } = report(told);
      const { links, overflow } = await look(summary);
      await look(summary, 'dark');
      expect(overflow).toEqual([]);
      expect(links).toEqual(told.error ? ['docs#VERIFICATION_FAILED'] : []);
    });

    it('in which perhaps nobody can log in: that comes first', async () => {
      const left = {
        currentDelivery: undefined,
        delivery: undefined,
        served: [],
        unserved: [],
        isMixed: false,
        takenOut: undefined,
        interrupted: [],
        disassociated: [],
        methodBefore: { method: 'client_secret_post', credentials: [] },
        takenOver: false,
        isManager: false,
        method: 'tls_client_auth',
        orphan: 'cred_new',
        orphanClient: undefined,
        removed: [],
        reverted: undefined,
        revoking: [],
        passesCurrent: true,
        lockout: undefined,
      };
      const error = failure().withStateNow('Then NOBODY CAN LOG IN.', alarm(left, NOW));
      await look(report(result({}, settled, { error, outcome: undone() })).summary);
      const [title, first] = await screen.page.locator('h2, p').allTextContents();
      expect(title).toMatch(
        /^❌ shop: perhaps NOBODY CAN LOG IN\. Set the client's method back at once \(VERIFICATION_FAILED\)/,
      );
      expect(first).toBe('What is true now. Then NOBODY CAN LOG IN.');
    });
  });

  const HOSTILE = [
    'a|b',
    '`a`',
    '``',
    'a\\',
    'a\\|b',
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '![x](https://evil.example/x.png)',
    '[x](javascript:alert(1))',
    '@octocat',
    '@acme/team',
    '**a**',
    '~~a~~',
    '# a',
    '</code></td></table><h1>a</h1>',
    '<!--',
    '&lt;b&gt;',
    '$a$',
    '-->',
    '```',
    '%%{init: {}}%%',
    'CN=<b>a</b>,O=a|b,OU=`a`',
    `CN=${'long '.repeat(40)}`,
  ];

  it.each(HOSTILE)('nothing in %j becomes more than text', async (name) => {
    const lines = `${name}\n\n## b\n| c |\r\n${name}`;
    const location = `env:acme/shop/${name.trim()}`;
    const told = result(
      {
        destinations: [location],
        clientId: lines,
        operation: 'create',
        clientName: name,
        subject: name,
        force: true,
      },
      settled,
      {
        error: failure(`${lines} is called ${name} at ${location}.`),
        outcome: outcome({
          delivered: [`${location} PEM`],
          steps: [{ text: `Store it in ${location}`, milliseconds: 1, outcome: 'failed' }],
          credential: { ...NEW, identity: name },
        }),
      },
    );
    const observed = told.observed ?? state(desired());
    const renamed = {
      ...told,
      observed: { ...observed, client: observed.client && { ...observed.client, name: lines } },
    };
    const { links } = await look(report(renamed).summary);
    // GitHub makes a link of an address, which then shows where it leads.
    expect(links.filter((link) => !name.includes(link))).toEqual(['docs#VERIFICATION_FAILED']);
    // A name of somebody who would be told of it stands in code only.
    expect(await prose()).not.toMatch(/@\w/);
    expect(await screen.page.locator('table').last().locator('tr').count()).toBe(2);
    if (!/[\\|]/.test(name))
      expect(await screen.page.locator('table').last().locator('code').first().textContent()).toBe(
        location.replaceAll('`', "'"),
      );
  });

  it.each(HOSTILE)('nothing in %j becomes more than text of an issue', async (name) => {
    const error = new RotationError('METHOD_MISMATCH', { failed: `It is ${name}.`, remedy: `Ask ${name}.` });
    const [change] = changesOf(
      [],
      desired({ clientId: name }),
      [findingOf('RotationRefused', error)],
      'https://run/',
    );
    if (change?.kind !== 'open') throw new Error('no issue');
    const { links, tables } = await look(change.body);
    expect(links.filter((link) => !name.includes(link))).toEqual(['https://run/']);
    expect(tables.map((rows) => rows.length)).toEqual([2]);
    expect(await prose()).not.toMatch(/@\w/);
  });
});
