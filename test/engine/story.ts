/** What the stories of the workflows share: a world before the first run, and a broken line that must not pass. */
import { describe, expect, test } from 'vitest';
import { ACT, type EngineRun, VERSION } from './act.ts';
import { Repository, type RepositoryOptions, type Start } from './repository.ts';

/** Workflows with a story. */
export const COVERED = new Set<string>();

if (!ACT) console.warn(`act ${VERSION} is not installed: .ci/run installs it. The workflows are not run.`);
// Where CI is set its absence must not pass for a success.
test.runIf(process.env.CI === 'true')('act is installed', () => expect(ACT).toBeDefined());

export interface Control {
  /** Path of another file than the workflow, in the repository or in our release. */
  file?: string;
  /** A line, or a part of it. */
  from: string;
  to: string;
  /** What an action then says. */
  says?: string;
  /** What has become of it. */
  after?: () => void;
  start?: Start;
}

export interface Story {
  options?: RepositoryOptions;
  /** What is there before the first run. */
  prepare?: (repository: Repository) => Promise<void> | void;
  run: (repository: Repository, run: (start?: Start) => Promise<EngineRun>) => Promise<void>;
  controls: [Control, ...Control[]];
}

/** A workflow, unchanged, and the same with one broken line, which must fail. */
export function story(workflow: string, { options = {}, prepare, run, controls }: Story): void {
  COVERED.add(workflow);
  const begin = async () => {
    const repository = await Repository.start(options);
    await prepare?.(repository);
    return repository;
  };
  describe.skipIf(ACT === undefined)(workflow, () => {
    test('runs', async () => {
      await using repository = await begin();
      await run(repository, (start) => repository.run(workflow, start));
    });

    test.each(controls)('fails with $to for $from', async ({ file, from, to, says, after, start = {} }) => {
      await using repository = await begin();
      if (file !== undefined) repository.replace(file, from, to);
      const broken = file === undefined ? { broken: [from, to] as const } : {};
      const failed = await repository.run(workflow, { ...start, ...broken, said: true });
      expect([failed.exitCode, failed.said]).toEqual([1, expect.stringContaining(says ?? '')]);
      after?.();
    });
  });
}

/** Of the one step of ours in a job, which has left a summary, too. */
export function outputsOf(run: EngineRun, job: string): Record<string, string> {
  const found = Object.entries(run.outputs).filter(
    ([step, outputs]) => step.startsWith(`${job}/`) && 'rotated' in outputs,
  );
  expect([found.length, run.summaries.length > 0], run.log).toEqual([1, true]);
  return found[0]?.[1] ?? {};
}

/** The exit, the jobs, and what our step says of the last. */
export function outcome(run: EngineRun): unknown[] {
  const { rotated, reason } = outputsOf(run, Object.keys(run.jobs).at(-1) ?? '');
  return [run.exitCode, run.jobs, rotated, reason];
}
