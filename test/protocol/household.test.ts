/** What no day may bring, clause by clause, shown on runs that do as a test says: a day that breaks it, and its neighbour. */

import { beforeAll, describe, expect, test } from 'vitest';
import { RotationError } from '../../src/errors.ts';
import type { HttpRequest } from '../../src/http/wire.ts';
import type { Inputs } from '../../src/inputs/inputs.ts';
import type { Plan } from '../../src/model/plan.ts';
import { printDestination, printLocation } from '../../src/model/secret-location.ts';
import { namedForDeletion } from '../support/advice.ts';
import type { Code } from './actor.ts';
import { material, prepare } from './by-hand.ts';
import { REAL } from './code.ts';
import { Household } from './household.ts';
import type { Materials } from './materials.ts';
import { pairOf, registrationOf } from './method.ts';
import { explorePeople } from './people.ts';
import { type Act, LEFT_BY_PEOPLE } from './people-acts.ts';
import { type Asked, type Scenario, scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { startNamed } from './starts.ts';
import { Tally } from './tally.ts';
import { DOMAIN } from './wishes.ts';
import { World } from './world.ts';

let all: Materials;
beforeAll(async () => {
  all = await prepare();
});

const METHOD = 'self_signed_tls_client_auth';
const SHOP = 'https://api.github.com/repos/acme/shop/actions/secrets/AUTH0_MTLS_PEM';

/** What a run does, and what it says in the end. */
class Run {
  readonly #send: (request: HttpRequest) => Promise<unknown>;
  readonly tell: (line: string) => void;
  readonly #inputs: Inputs;
  error: string | undefined;
  explanation = '';

  constructor(send: Run['send'], tell: Run['tell'], inputs: Inputs) {
    this.#send = send;
    this.tell = tell;
    this.#inputs = inputs;
  }

  async send(request: HttpRequest): Promise<unknown> {
    return this.#send(request).catch(() => undefined);
  }

  auth0(method: 'GET' | 'PATCH' | 'POST', path: string, body?: object) {
    const url = `https://${DOMAIN}/api/v2/clients/${this.#inputs.desired.clientId}${path}`;
    const headers = { authorization: 'Bearer management-token' };
    return this.send({ method, url, headers, ...(body && { body: JSON.stringify(body) }) });
  }

  associate(...ids: readonly string[]) {
    const credentials = ids.map((id) => ({ id }));
    return this.auth0('PATCH', '', { client_authentication_methods: { [METHOD]: { credentials } } });
  }

  upload(label: string) {
    return this.auth0('POST', '/credentials', registrationOf(METHOD, pairOf(METHOD, material(label))));
  }
}

type Does = (run: Run, home: Home) => Promise<unknown> | unknown;

function plain(name: string, asked: Partial<Asked> = {}): Scenario {
  const start = LEFT_BY_PEOPLE.find((one) => one.name === name) ?? startNamed(name);
  return { ...scenario('settled', { force: false, poolCap: 4, ...asked }), start };
}

/** A household whose runs do as a test says. */
class Home {
  readonly household: Household;
  readonly world: World;
  does: Does = () => undefined;

  constructor(start: string, asked: Partial<Asked> = {}) {
    const one = plain(start, asked);
    this.world = new World(one, all);
    const execution = new Execution(
      this.world,
      scripted((run) => this.does(run, this)),
    );
    this.household = new Household(execution, one.start.holds.length);
  }

  id(label: string): string {
    return [...this.world.labels].find(([, one]) => one === label)?.[0] ?? '';
  }

  place(index: number): string {
    const location = this.household.workflow.places[index];
    if (location === undefined) throw new Error(`no place ${index}`);
    return printLocation(location);
  }

  /** Somebody, or a run. */
  saves(label: string, index = 0): void {
    const location = this.household.workflow.places[index];
    if (location === undefined) throw new Error(`no place ${index}`);
    const found = all.all.find((one) => one.label === label);
    const pair = found && pairOf(METHOD, found);
    const value = pair ? `${pair.privateKey}${pair.certificate}` : label;
    this.world.github.seedSecret(printDestination(location.destination), location.secretName, value);
  }

  async day(does: Does = () => undefined, ...how: Parameters<Household['day']>) {
    this.does = does;
    return this.household.day(...how);
  }

  told(invariant: string): string[] {
    const { violations } = this.household.execution.invariants;
    return violations.filter((one) => one.invariant === invariant).map(({ detail }) => detail);
  }

  get residuals(): string[] {
    return this.household.residuals.map(({ kind }) => kind);
  }
}

function scripted(does: (run: Run) => unknown): Code {
  let send: Run['send'] | undefined;
  return {
    ...REAL,
    connectServices(inputs, connection, ...rest) {
      send = connection.send;
      return REAL.connectServices(inputs, connection, ...rest);
    },
    async run(inputs, _services, logger) {
      const run = new Run((request) => send?.(request) ?? Promise.resolve(), logger.info, inputs);
      await does(run);
      const error =
        run.error === undefined
          ? undefined
          : new RotationError('AUTH0_REQUEST_FAILED', {
              failed: run.error,
              remedy: '',
              stateNow: 'Nothing changed.',
            });
      const plan = { rotates: false, explanation: run.explanation, notes: [] } as unknown as Plan;
      return { readOnly: false, desired: inputs.desired, plan, error };
    },
  };
}

const interrupts = (run: Run, ...places: readonly string[]) => run.tell(`(INTERRUPTS ${places.join(', ')})`);
const taken: Does = (run, home) => run.associate(home.id('P1'));

describe('an outage is what a run takes out', () => {
  test.each<[string, string, Partial<Asked>, (home: Home) => void, Does, string[], string[]]>([
    ['and nobody named', 'settled', {}, () => undefined, taken, ['(not named)'], []],
    [
      'of each place',
      'two hold one',
      {},
      () => undefined,
      (run) => run.associate(),
      ['(not named)', '(not named)'],
      [],
    ],
    [
      'and was named, with the key at hand',
      'settled',
      {},
      () => undefined,
      (run, home) => {
        interrupts(run, home.place(0));
        return taken(run, home);
      },
      ['(named)', 'without a new pair there'],
      [],
    ],
    [
      'and was named, with none at hand, and not mended',
      'settled',
      { current: false },
      () => undefined,
      (run, home) => {
        interrupts(run, home.place(0));
        return taken(run, home);
      },
      ['without a new pair there'],
      [],
    ],
    [
      'and was named with none at hand, where the place takes no new one',
      'settled',
      { current: false },
      () => undefined,
      (run, home) => {
        interrupts(run, home.place(0));
        run.error = `until ${home.place(0)} can be written again`;
        return taken(run, home);
      },
      [],
      [],
    ],
    [
      'and was named with none at hand, and mended',
      'settled',
      { current: false },
      () => undefined,
      async (run, home) => {
        interrupts(run, home.place(0));
        await taken(run, home);
        home.saves('P1');
        await run.associate(home.id('P1'));
      },
      [],
      [],
    ],
    [
      'and was named, where a hand made it',
      'hand-made, held',
      { current: false },
      () => undefined,
      async (run, home) => {
        interrupts(run, home.place(0));
        await run.associate();
        await run.associate(home.id('H1'));
      },
      ['(named)'],
      [],
    ],
    [
      'and was named, where the primary has nobody who waits',
      'secret of the primary deleted',
      { current: false },
      () => undefined,
      async (run, home) => {
        interrupts(run, home.place(1));
        await taken(run, home);
        await run.associate(home.id('C1'));
      },
      ['(named)'],
      [],
    ],
    [
      'where the workflow goes no more',
      'two hold one',
      {},
      ({ household: { workflow } }) => {
        workflow.destinations = workflow.destinations.slice(0, 1);
      },
      (run) => run.associate(),
      ['(not named)'],
      [],
    ],
    [
      'and not what a person had taken out',
      'settled',
      {},
      (home) => home.household.byHand(() => takeOut(home, 'C1')),
      async (run, home) => {
        await run.associate(home.id('C1'));
        await taken(run, home);
      },
      [],
      [],
    ],
    [
      'where a person had taken out another one',
      'settled',
      {},
      (home) => home.household.byHand(() => takeOut(home, 'P1')),
      (run) => run.associate(),
      ['(not named)'],
      [],
    ],
    [
      'under a name that a mark shows',
      'settled',
      {},
      ({ household: { workflow } }) => {
        workflow.secretName = 'OTHER_PEM';
      },
      taken,
      ['(not named)'],
      [],
    ],
    [
      'under a name that no mark shows',
      'hand-made, held',
      {},
      ({ household: { workflow } }) => {
        workflow.secretName = 'OTHER_PEM';
      },
      (run) => run.associate(),
      [],
      ['a name that no mark shows'],
    ],
  ])('%s', async (_, start, asked, before, does, expected, residuals) => {
    const home = new Home(start, asked);
    before(home);
    await home.day(does);
    expect(home.told('outage').map((one) => expected.find((text) => one.endsWith(text)) ?? one)).toEqual(
      expected,
    );
    expect(home.residuals).toEqual(residuals);
  });

  const rolledBack = (home: Home) => () => home.saves('P1');
  const looks: Does = (run) => run.send({ method: 'GET', url: SHOP, headers: {} });
  test.each<[string, (home: Home) => () => void, readonly Does[], string[], string[]]>([
    ['and was written since the last look', rolledBack, [], [], ['rewritten meanwhile']],
    ['and was written before the last look', rolledBack, [looks], ['(not named)'], []],
    [
      'while another thing was written',
      (home) => () => home.saves('P1', 1),
      [],
      ['(not named)', '(not named)'],
      ['rewritten meanwhile'],
    ],
  ])('%s', async (_, act, looked, expected, residuals) => {
    const home = new Home('three settled');
    const rest: Does = (run) => run.associate(home.id('C1'));
    const nothing: Does = (run) => run.associate();
    const isFirst = residuals.length === 0 || expected.length === 0;
    await home.day(
      async (run) => {
        await run.auth0('GET', '?fields=name');
        for (const look of looked) await look(run, home);
        await (isFirst ? rest : nothing)(run, home);
      },
      {},
      2,
      act(home),
    );
    expect(home.told('outage').map((one) => expected.find((text) => one.endsWith(text)) ?? one)).toEqual(
      expected,
    );
    expect(home.residuals).toEqual(residuals);
  });
});

function takeOut({ world }: Home, label: string): void {
  const { associated } = world.truth();
  const credentials = associated.filter((id) => world.labels.get(id) !== label).map((id) => ({ id }));
  world.admin({ client_authentication_methods: { [METHOD]: { credentials } } });
}

describe('what was made by hand goes', () => {
  const gone: Does = (run, home) => run.associate(home.id('H2'));
  type Before = (home: Home) => Promise<unknown> | unknown;
  const nothing = () => undefined;

  test.each<[string, string, Before, Does, number]>([
    ['and no run has said so', 'two hand-made', nothing, gone, 1],
    [
      'and a run has said so',
      'two hand-made',
      (home) =>
        home.day((run) => {
          run.explanation = `${home.id('H1')} goes in a week.`;
        }),
      gone,
      0,
    ],
    [
      'and a run has spoken of another one',
      'two hand-made',
      (home) =>
        home.day((run) => {
          run.explanation = `${home.id('H2')} goes in a week.`;
        }),
      gone,
      1,
    ],
    [
      'and it was released',
      'two hand-made',
      ({ household: { workflow }, ...home }) => {
        const removableCredentials = new Set([...home.world.labels].map(([id]) => id));
        workflow.says = { ...workflow.says, removableCredentials };
      },
      gone,
      0,
    ],
    [
      'with a revert',
      'two hand-made',
      ({ household: { workflow } }) => {
        workflow.says = { ...workflow.says, operation: 'revert' };
      },
      gone,
      0,
    ],
    [
      'and earlier runs have said so',
      'hand-made previous',
      nothing,
      (run, home) => run.associate(home.id('C1')),
      0,
    ],
    [
      'and earlier runs are too young',
      'abandoned beside hand-made',
      nothing,
      (run, home) => run.associate(home.id('N1')),
      1,
    ],
    ['which is ours', 'settled', nothing, (run, home) => run.associate(home.id('C1')), 0],
  ])('%s', async (_, start, before, does, expected) => {
    const home = new Home(start);
    await before(home);
    await home.day(does);
    expect(home.told('unannounced')).toHaveLength(expected);
  });

  test.each([
    ['and was made since the last look', false, 0, ['rewritten meanwhile']],
    ['and was made before the last look', true, 1, []],
  ])('%s', async (_, looks, expected, residuals) => {
    const home = new Home('ours alone');
    await home.day(
      async (run) => {
        await run.auth0('GET', '?fields=name');
        await run.auth0(looks ? 'GET' : 'PATCH', looks ? '?fields=name' : '', { client_metadata: {} });
        await run.associate(home.id('C1'));
      },
      {},
      2,
      () => home.world.add({ label: 'H3', mark: 'none', associated: true, age: 0 }),
    );
    expect(home.told('unannounced')).toHaveLength(expected);
    expect(home.residuals).toEqual(residuals);
  });
});

describe('a message names for deletion', () => {
  test.each([
    ['what a place holds', 'settled', 'C1', 'AUTH0_MTLS_PEM', 1],
    ['what no place holds', 'settled', 'P1', 'AUTH0_MTLS_PEM', 0],
    ['what a place holds that no mark shows', 'hand-made, held', 'H1', 'OTHER_PEM', 0],
  ])('%s', async (_, start, label, secretName, expected) => {
    const home = new Home(start);
    home.household.workflow.secretName = secretName;
    await home.day((run) => {
      run.error = `Delete ${home.id(label)} in Auth0.`;
    });
    expect(home.told('advice')).toHaveLength(expected);
  });
});

test.each<[string, string[]]>([
  ['Delete cred_a in Auth0.', ['cred_a']],
  ['First disassociate cred_a and cred_b.', ['cred_a', 'cred_b']],
  ['Or remove credential cred_b (of 2026-01-01).', ['cred_b']],
  ['Take out cred_a, then go on.', ['cred_a']],
  ['Add the line `removable-credentials: cred_a cred_b`.', ['cred_a', 'cred_b']],
  ['Add removable-credentials: cred_b, but without force.', ['cred_b']],
  // The sentence that follows tells something else.
  ['Delete cred_a. Somebody still uses cred_b.', ['cred_a']],
  ['A place holds cred_a, and keep-credentials: cred_b keeps that one.', []],
  ['Nobody has deleted cred_a.', []],
  // Another one, whose name begins or ends like it.
  ['Delete cred_ab and xcred_b.', []],
])('what a message names for deletion: %s', (message, named) => {
  expect(namedForDeletion(message, ['cred_a', 'cred_b'])).toEqual(named);
});

describe('a second rotation', () => {
  const rotates =
    (label: string): Does =>
    (run) =>
      run.upload(label);
  const nothing = () => undefined;

  test.each<[string, (home: Home) => void, number, number]>([
    ['and nobody has changed anything', nothing, 0, 1],
    ['and somebody has', ({ household }) => household.byHand(nothing), 0, 0],
    ['which somebody has disturbed', nothing, 1, 0],
  ])('%s', async (_, between, at, expected) => {
    const home = new Home('ours alone');
    await home.day(rotates('R1'));
    expect(home.told('loop')).toEqual([]);
    between(home);
    await home.day(rotates('R2'), {}, at);
    expect(home.told('loop')).toHaveLength(expected);
  });

  test('after one that somebody has disturbed is the first', async () => {
    const home = new Home('ours alone');
    await home.day(rotates('R1'), {}, 1);
    await home.day(rotates('R2'));
    expect(home.told('loop')).toEqual([]);
  });

  test('that makes nothing is none', async () => {
    const home = new Home('ours alone');
    await home.day(rotates('R1'));
    await home.day(rotates('R1'));
    expect(home.told('loop')).toEqual([]);
  });
});

describe('when all is said to be well', () => {
  type Before = (home: Home) => Promise<unknown> | unknown;
  const nothing = () => undefined;
  const saved = (index: number): Before => {
    return (home) => home.household.byHand(() => home.saves('placeholder', index));
  };
  const NAMES = ['repo:acme/shop', 'env:acme/other/production'];

  test.each<[string, string, Partial<Asked>, Before, number[], string[]]>([
    ['every place works', 'two hold one', {}, nothing, [], []],
    ['the primary does not', 'nothing associated', {}, nothing, [0], []],
    [
      'the primary does not, and no key is at hand',
      'nothing associated',
      { current: false },
      nothing,
      [0],
      [],
    ],
    [
      'the primary does not, and another key is passed',
      'nothing associated',
      {},
      ({ household: { workflow } }) => {
        workflow.current = 'P1';
      },
      [],
      [],
    ],
    ['a secondary does not', 'new destination', {}, saved(0), [0, 1], []],
    ['a secondary is empty', 'new destination', {}, nothing, [1], []],
    [
      'a secondary is empty, as was said',
      'new destination',
      {},
      (home) =>
        home.day((run) => {
          run.explanation = `${NAMES[1]} has no secret yet.`;
        }),
      [],
      [],
    ],
    ['a person has put something into the primary', 'settled', {}, saved(0), [0], []],
    [
      'a person has put something into the primary right after a rotation',
      'settled, rotated minutes ago',
      {},
      saved(0),
      [],
      ['overwritten right after a rotation'],
    ],
    ['a person has put something into a secondary', 'two hold one', {}, saved(1), [], []],
  ])('%s', async (_, start, asked, before, places, residuals) => {
    const home = new Home(start, asked);
    await before(home);
    home.household.checkServed();
    expect(home.told('served')).toEqual(
      places.map((index) => expect.stringMatching(new RegExp(`^${NAMES[index]} `))),
    );
    expect(home.residuals).toEqual(residuals);
  });

  test.each([
    ['with a key at hand', true, 1],
    ['with none, which nobody can know', false, 0],
  ])('a secondary holds what works no more, %s', async (_, current, expected) => {
    const home = new Home('partly delivered', { current });
    await home.day((run) => run.associate(home.id('C1')));
    home.household.checkServed();
    expect(home.told('served')).toHaveLength(expected);
  });
});

describe('of a life among people counts', () => {
  const NOTHING: Act = { name: 'nothing', anytime: false, applies: () => true, does: () => undefined };
  const live = async (does: (run: Run) => unknown, start = 'settled') => {
    const tally = new Tally();
    const life = { scenario: plain(start), deeds: [{ act: NOTHING, at: 0 }] };
    await explorePeople(scripted(does), all, life, tally);
    return tally;
  };

  test.each<[string, string, (run: Run) => unknown, string | undefined]>([
    ['nothing where all is well', 'settled', () => undefined, undefined],
    ['an outage', 'settled', (run) => run.associate(), 'outage'],
    ['what goes unannounced', 'two hand-made, none in the secret', (run) => run.associate(), 'unannounced'],
    ['what is said to be well', 'nothing associated', () => undefined, 'served'],
    [
      'a message that helps nobody',
      'settled',
      (run) => {
        run.error = 'No.';
      },
      'dead end',
    ],
    [
      'a message that stays',
      'settled',
      (run) => {
        run.error = 'Set force: true.';
      },
      'dead end',
    ],
    [
      'a key that is told',
      'settled',
      (run) => {
        run.tell(material('C1').secretLine);
      },
      'I6',
    ],
    ['a key that is used again', 'ours alone', (run) => run.upload('R1').then(() => run.upload('R2')), 'I7'],
  ])('%s', async (_, start, does, invariant) => {
    const tally = await live(does, start);
    expect(tally.findings.map(({ violation }) => violation.invariant).slice(0, 1)).toEqual(
      invariant === undefined ? [] : [invariant],
    );
    expect(tally.people).toBeGreaterThan(0);
  });

  test('a message that was followed until all was well', async () => {
    let days = 0;
    const tally = await live((run) => {
      days += 1;
      if (days < 4) run.error = 'Set force: true.';
    });
    expect([tally.findings, tally.advised]).toEqual([[], 1]);
  });
});
