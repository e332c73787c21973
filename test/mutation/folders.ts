/** What is mutated together, the unit tests that judge it, and the share of its mutants that they must notice, in percent. */

export interface Folder {
  /** Globs. */
  mutate: readonly string[];
  tests: readonly string[];
  least: number;
}

function folder(name: string, { least = 85, tests = [] }: Partial<Folder> = {}): Folder {
  return { mutate: [`src/${name}/**/*.ts`], tests: [`test/unit/${name}/**/*.test.ts`, ...tests], least };
}

/** The lock that guards every login has a score of its own. */
const LOCK = 'src/apply/association.ts';

export const FOLDERS: Readonly<Record<string, Folder>> = {
  model: folder('model'),
  http: folder('http'),
  certificate: folder('certificate'),
  inputs: folder('inputs'),
  observe: folder('observe'),
  github: folder('github'),
  auth0: folder('auth0'),
  report: folder('report'),
  watch: folder('watch'),
  apply: {
    mutate: ['src/apply/**/*.ts', `!${LOCK}`],
    tests: ['test/unit/apply/**/*.test.ts'],
    least: 85,
  },
  lock: { mutate: [LOCK], tests: ['test/unit/apply/association*.test.ts'], least: 90 },
  plan: folder('plan', {
    least: 90,
    tests: ['test/unit/{model,watch}/*.test.ts', 'test/unit/apply/association*.test.ts'],
  }),
  fleet: folder('fleet'),
  // What stands above the folders, and the tests that go the whole road in process; the door itself runs in the bundle alone.
  road: {
    mutate: ['src/*.ts', '!src/index.ts'],
    tests: [
      'test/unit/*.test.ts',
      'test/unit/apply/{left-out,method-change,outage,token-binding,trouble}.test.ts',
      'test/unit/{fleet,observe,watch}/*.test.ts',
    ],
    least: 85,
  },
};
