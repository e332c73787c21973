/** Reads what an error says is to be done, as a person would, and does it to the letter. */

import { readOwnership } from '../../src/model/ownership.ts';
import { parseDestination, printLocation } from '../../src/model/secret-location.ts';
import type { Household } from './household.ts';
import { savePrimaryAgain } from './people-acts.ts';

/** What the next run is asked for besides; `over`: the workflow ends, or all that could go is in use, and Auth0 takes no third one. */
type Followed = 'force' | 'enroll' | 'over' | undefined;

/** One thing that the message says, of which a person does one. */
export interface Advice {
  name: string;
  follow: (household: Household) => Followed;
}

type Rule = readonly [
  name: string,
  pattern: RegExp,
  follow: (household: Household, match: RegExpMatchArray) => Followed,
];

const PLACE = '(?:repo|env|org):[^\\s,;]*[\\w#]';
const TAKE_OUT = new RegExp(
  `take (${PLACE}) out of destinations(?: and in the same change add \`moved-from: (${PLACE})\`)?`,
);
const MOVED_FROM = new RegExp(
  `used to be the first destination of this workflow \\([^.]*moved-from: (${PLACE})`,
  'g',
);
const MADE_FOR = new RegExp(`delete in Auth0 what was made for (${PLACE}|sha256:\\w+)`);

/** In the order in which a person tries them: what names the very line comes first. */
const RULES: readonly Rule[] = [
  ['add removable-credentials', /removable-credentials: ((?:cred_\w+(?:, ?| )?)+)/, release],
  ['choose among removable-credentials', /removable-credentials(?!: cred_)/, releaseTheUnused],
  ['add moved-from', MOVED_FROM, moveFrom],
  [
    'pass current-credential',
    /current-credential: \$\{\{ ?secrets\.(\w+) ?\}\}|[Pp]ass (?:the secret of the primary|current-credential)/,
    passCurrent,
  ],
  ['choose the method again', /choose (\w+) with (cred_\w+(?: and cred_\w+)?) again/, chooseMethod],
  ['keep this workflow', MADE_FOR, deleteWhatWasMadeFor],
  ['keep the other workflow', /keep the other, disable this one/, () => 'over'],
  [
    'delete what nobody uses',
    /\b[Dd]elete (?:one that nobody uses|(?:it|one of them|that one) in the Auth0 Dashboard)\b/,
    deleteTheUnused,
  ],
  [
    'delete the former secret',
    / ?(?:(?:repo|env|org):\S+ \w+(?:, )?)+ still (?:holds .* delete that secret|hold .* delete them) in GitHub/,
    deleteSecrets,
  ],
  ['save the secret once more', /save that secret once more/, saveAgain],
  ['put another destination first', /[Pp]ut ((?:repo|env|org):[^\s,;]*\w) first in destinations/, putFirst],
  ['serve it, too', /add ((?:repo|env|org):[^\s,;]*\w) to destinations, after the first/, serveToo],
  ['set the former secret-name', /set `secret-name: (\w+)` again/, setName],
  ['take it out of destinations', TAKE_OUT, dropPlace],
  ['choose another secret-name', /another secret-name/, anotherName],
  ['take it out of keep-credentials', /take (?:its|the) ids? out of keep-credentials/, keepNothing],
  ['force', /force: true|set force/, () => 'force'],
  ['enroll', /(?<!Only if that is impossible, start )operation: enroll/, () => 'enroll'],
  ['run again', /\b[Rr]un (?:the workflow |it )?again|start a new run/, () => undefined],
];

/** What a person can do of it: who knows that the secret holds no pair, or passes it already, does something else. */
export function adviceIn(message: string, household: Household): Advice[] {
  return RULES.flatMap(([name, pattern, follow]) =>
    [...message.matchAll(new RegExp(pattern, 'g'))]
      .slice(0, pattern.global ? undefined : 1)
      .filter((match) =>
        CONDITIONS.every(
          ([of, words, holds]) => of !== name || !words.test(message) || holds(household, match),
        ),
      )
      .map((match) => ({ name, follow: (household: Household) => follow(household, match) })),
  );
}

type Condition = readonly [
  name: string,
  words: RegExp,
  holds: (household: Household, match: RegExpExecArray) => boolean,
];

/** What the message says of its advice: for whom it is. */
const CONDITIONS: readonly Condition[] = [
  ['pass current-credential', /./, canPass],
  // Nobody can read a secret: only who has put it there can save it once more.
  ['save the secret once more', /./, (household) => household.isByHand(primaryName(household))],
  [
    'choose another secret-name',
    /If it belongs to another client/,
    (household) => !servesSomebody(household),
  ],
  ['force', /[Ii]f nobody needs what it holds/, (household) => !servesSomebody(household)],
  ['force', /if current-credential names another secret/, ({ workflow }) => workflow.current === 'primary'],
  ['add moved-from', /./, ({ owners }, [, owner = '']) => owners.has(owner)],
  ['keep this workflow', /./, ({ owners }, [, owner = '']) => !owners.has(owner)],
  ['keep the other workflow', /./, ({ owners }, { input }) => !owners.has(MADE_FOR.exec(input)?.[1] ?? '')],
  ['put another destination first', /first destination of this workflow at that time/, wasFirst],
  ['set the former secret-name', /first destination of this workflow at that time/, wasFirst],
];

/** Of the credential that another set-up made. */
function wasFirst({ owners }: Household, { input }: RegExpExecArray): boolean {
  return owners.has(MADE_FOR.exec(input)?.[1] ?? '');
}

function primaryName({ workflow }: Household): string {
  const [primary] = workflow.places;
  return primary === undefined ? '' : printLocation(primary);
}

function servesSomebody(household: Household): boolean {
  const name = primaryName(household);
  const { world } = household;
  return world.truth().held.some(({ location, works }) => location === name && works);
}

function canPass({ workflow }: Household): boolean {
  return workflow.current !== 'primary' && workflow.primaryPair !== undefined;
}

function passCurrent({ workflow }: Household): undefined {
  workflow.current = 'primary';
}

function chooseMethod({ world }: Household, [, method = '', ids = '']: readonly string[]): undefined {
  const credentials = (ids.match(/cred_\w+/g) ?? []).map((id) => ({ id }));
  world.admin({
    client_authentication_methods: { [method]: { credentials } },
    token_endpoint_auth_method: null,
  });
}

/** The other workflow is disabled, and its readers read what this one delivers. */
function deleteWhatWasMadeFor(household: Household, [, owner = '']: readonly string[]): undefined {
  for (const { credentials } of household.world.records())
    for (const { id, name } of credentials)
      if (readOwnership(name)?.owner === owner) deleteIt(household, ['', id]);
}

/** Auth0 deletes what is not associated: the Dashboard takes it out first. */
function deleteIt({ world }: Household, [, id = '']: readonly string[]): undefined {
  const { associated } = world.truth();
  const credentials = associated.filter((one) => one !== id).map((one) => ({ id: one }));
  if (associated.includes(id))
    world.admin({ client_authentication_methods: { [world.scenario.method]: { credentials } } });
  world.deleteByHand(id);
}

function release({ workflow }: Household, [, ids = '']: readonly string[]): undefined {
  const removable = [...(workflow.says.removableCredentials ?? []), ...(ids.match(/cred_\w+/g) ?? [])];
  workflow.says = { ...workflow.says, removableCredentials: new Set(removable) };
}

/** Who decides by ids and dates knows what is used: of those that are listed one that no place holds. */
function releaseTheUnused(household: Household, { input = '' }: RegExpMatchArray): Followed {
  const { held, pool } = household.world.truth();
  const used = new Set(held.map(({ identity }) => identity));
  const [, listed = ''] =
    /((?:cred_\w+(?: of [\d-]+)?(?:, )?)+) (?:was|were) made by hand\. Find out/.exec(input) ?? [];
  const unused = (listed.match(/cred_\w+/g) ?? []).find((id) => !used.has(pool.get(id)));
  return unused === undefined ? 'over' : release(household, ['', unused]);
}

/** Of those that the message lists. */
function deleteTheUnused(household: Household, { input = '' }: RegExpMatchArray): Followed {
  const { held, pool } = household.world.truth();
  const used = new Set(held.map(({ identity }) => identity));
  const { labels, scenario } = household.world;
  const signing = scenario.start.credentials.find(({ requestObject }) => requestObject)?.label;
  const isFree = (id: string) => input.includes(id) && labels.get(id) !== signing;
  const listed = [...pool].filter(([id, identity]) => isFree(id) && !used.has(identity));
  const [first] = listed.sort(([one], [other]) => rank(household, one) - rank(household, other));
  return first === undefined ? 'over' : deleteIt(household, ['', first[0]]);
}

/** What cannot log in goes before what can. */
function rank({ world }: Household, id: string): number {
  return world.truth().associated.includes(id) ? 1 : 0;
}

/** A person does so where nobody reads it any more. */
function deleteSecrets({ world }: Household, [text = '']: readonly string[]): undefined {
  const [places = ''] = text.split(' still hold');
  for (const [, scope = '', name = ''] of places.matchAll(/((?:repo|env|org):[^\s,]+) (\w+)/g))
    world.deleteSecret(scope, name);
}

function moveFrom({ workflow }: Household, [, text = '']: readonly string[]): undefined {
  const [place = '', secretName] = text.split('#');
  const destination = parseDestination(place);
  if (destination === undefined) throw new Error(`the message names no destination: ${text}`);
  const movedFrom = [...(workflow.says.movedFrom ?? []), { destination, secretName }];
  workflow.says = { ...workflow.says, movedFrom };
}

function dropPlace(household: Household, [, text = '', owner]: RegExpMatchArray): undefined {
  const { workflow } = household;
  const gone = JSON.stringify(parseDestination(text));
  workflow.destinations = workflow.destinations.filter((one) => JSON.stringify(one) !== gone);
  if (owner) moveFrom(household, ['', owner]);
}

function setName({ workflow }: Household, [, name = '']: readonly string[]): undefined {
  workflow.secretName = name;
}

function saveAgain(household: Household): undefined {
  savePrimaryAgain(household);
}

function putFirst({ workflow }: Household, [, text = '']: RegExpMatchArray): undefined {
  const first = JSON.stringify(parseDestination(text));
  workflow.destinations = workflow.destinations.toSorted(
    (one, other) => Number(JSON.stringify(other) === first) - Number(JSON.stringify(one) === first),
  );
}

function serveToo({ workflow }: Household, [, text = '']: RegExpMatchArray): undefined {
  const added = parseDestination(text);
  if (added) workflow.destinations = [...workflow.destinations, added];
}

/** One that nothing has yet: AUTH0_MTLS_PEM_2, then _3. */
function anotherName({ workflow }: Household): undefined {
  const [, name = '', number = 1] = /^(.*?)(?:_(\d+))?$/.exec(workflow.secretName) ?? [];
  workflow.secretName = `${name}_${Number(number) + 1}`;
}

function keepNothing({ workflow }: Household): undefined {
  workflow.says = { ...workflow.says, keepCredentials: new Set() };
}
