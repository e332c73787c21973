/** A workflow that lives on the secret: reads it as a job does at its start, and asks the edge for a token with it. */
import { X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { thumbprintOf } from './authorization-server.ts';
import { type CallAnswer, REPOSITORY, type Sandbox } from './sandbox.ts';

export interface ConsumerOptions {
  clientId?: string;
  scope?: string;
  secretName?: string;
  /** `job`: one at a time with a pause between (default); `tight`: the next as soon as the last has ended. */
  mode?: 'job' | 'tight';
  intervalMs?: number;
  /** Ends by itself after this time, so that a forgotten one outlives no test. */
  maxMs?: number;
}

export interface ConsumerFailure {
  /** 0: no answer at all. */
  status: number;
  body: unknown;
  /** x5t#S256 of what the secret held; undefined when it held no certificate. */
  thumbprint: string | undefined;
  at: number;
  /** The secret was replaced between its reading and the answer: a job that starts now reads another. */
  overtaken: boolean;
}

export interface ConsumerReport {
  attempts: number;
  granted: number;
  failures: ConsumerFailure[];
  /** Looks that found no secret: nothing was attempted. */
  absent: number;
  /** In order of first use. */
  thumbprints: string[];
}

export interface Consumer extends AsyncDisposable {
  /** As it stands now. */
  readonly report: ConsumerReport;
  /** Resolves after this many more attempts (or the consumer's end). */
  attempts(count: number): Promise<void>;
  /** Waits for the last attempt. */
  stop(): Promise<ConsumerReport>;
}

const INTERVAL_MS = 20;
const MAX_MS = 3_600_000;

export function startConsumer(world: Sandbox, options: ConsumerOptions = {}): Consumer {
  const { mode = 'job', intervalMs = INTERVAL_MS, maxMs = MAX_MS } = options;
  const report: ConsumerReport = { attempts: 0, granted: 0, failures: [], absent: 0, thumbprints: [] };
  const end = Date.now() + maxMs;
  let stopped = false;
  const running = async (): Promise<void> => {
    while (!stopped && Date.now() < end) {
      const attempted = await attempt(world, options, report);
      // Also `tight` lets others run: a secret that is no key fails before anything is sent.
      await sleep(mode === 'tight' && attempted ? 0 : intervalMs);
    }
    stopped = true;
  };
  const ended = running();
  const stop = async (): Promise<ConsumerReport> => {
    stopped = true;
    await ended;
    return report;
  };
  return {
    report,
    async attempts(count) {
      const goal = report.attempts + count;
      while (report.attempts < goal && !stopped) await sleep(5);
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** False: there was no secret to use. */
async function attempt(world: Sandbox, options: ConsumerOptions, report: ConsumerReport): Promise<boolean> {
  const { clientId = world.clientId, scope = `repo:${REPOSITORY}`, secretName = 'AUTH0_MTLS_PEM' } = options;
  const read = () => world.github.secret(scope, secretName)?.value;
  const pem = read();
  if (pem === undefined) {
    report.absent += 1;
    return false;
  }
  const thumbprint = thumbprintIn(pem);
  if (thumbprint !== undefined && !report.thumbprints.includes(thumbprint))
    report.thumbprints.push(thumbprint);
  const at = Date.now();
  const answer = await answerTo(world, clientId, pem);
  report.attempts += 1;
  if (answer.status === 200) report.granted += 1;
  else report.failures.push({ ...answer, thumbprint, at, overtaken: read() !== pem });
  return true;
}

/** A key that does not fit the certificate fails here, as it does in a job. */
async function answerTo(
  world: Sandbox,
  clientId: string,
  pem: string,
): Promise<Pick<CallAnswer, 'status' | 'body'>> {
  try {
    const { status, body } = await world.requestToken(clientId, pem);
    return { status, body };
  } catch (error) {
    return { status: 0, body: String(error) };
  }
}

function thumbprintIn(pem: string): string | undefined {
  try {
    return thumbprintOf(new X509Certificate(pem));
  } catch {
    return undefined;
  }
}
