/** Moves the client to another authentication method, and back if the run fails. A client has one method at a time (docs/facts.md#auth0-one-method). */

import { isCredentialMethod, PUBLIC, printMethod } from '../model/desired-state.ts';
import type { Step } from '../model/step.ts';
import type { Association } from './association.ts';
import type { FailureState } from './failure-state.ts';
import type { ApplyServices, Job } from './job.ts';
import { takeBack, type UndoStack } from './undo.ts';

export class MethodChange {
  readonly #job: Job;
  readonly #services: ApplyServices;
  /** What a failed run leaves of the change. `reverted` is never undone. */
  readonly left: Pick<FailureState, 'methodBefore' | 'isManager' | 'method' | 'reverted' | 'takenOver'>;

  constructor(job: Job, services: ApplyServices) {
    this.#job = job;
    this.#services = services;
    const { isManager, method } = job.desired;
    this.left = { methodBefore: undefined, isManager, method, reverted: undefined, takenOver: false };
  }

  /** Moves the client, and pushes the way back on the undo stack. @throws RotationError ROTATION_IN_PROGRESS, AUTH0_… */
  async change(
    { credentials, from, to }: Change,
    association: Association,
    undoStack: UndoStack,
  ): Promise<void> {
    if (credentials.length === 0) {
      return association.moveToMethodWithoutCredentials(to, () => {
        this.left.reverted = to;
        // If the undo bound tokens again, a client secret would get no token.
        // guard: a revert that has moved the client binds no tokens again
        undoStack.forget();
      });
    }
    return association.moveToMethod(credentials, () => {
      const { associated = [] } = this.#job.observed.client ?? {};
      this.left.methodBefore = { method: from, credentials: associated };
      undoStack.push(() => this.#moveBack(from, association));
    });
  }

  async #moveBack(from: string, association: Association): Promise<string> {
    const { tenant } = this.#services;
    const { observed, desired } = this.#job;
    const { associated = [] } = observed.client ?? {};
    // If somebody else has moved the client or associated a credential meanwhile, it stays as it is.
    const mayMoveBack = await association.mayMoveBack();
    const back = () =>
      isCredentialMethod(from)
        ? tenant.moveTo(desired.clientId, from, associated)
        : tenant.moveToMethodWithoutCredentials(desired.clientId, from);
    const isBack = async () => (await tenant.client(desired.clientId)).method === from;
    // guard: a failed enrollment moves the client back
    if (mayMoveBack) await takeBack(this.#services, association.pendingWriteUntil, back, isBack);
    this.left.methodBefore = undefined;
    this.left.takenOver = !mayMoveBack;
    return mayMoveBack ? movedBack(from) : notMovedBack(from);
  }
}

type Change = Extract<Step, { kind: 'change-method' }>;

/** The sentence for an enrollment that was undone. */
export function movedBack(method: string): string {
  const secret =
    isCredentialMethod(method) || method === PUBLIC
      ? ''
      : ' Whether its client secret is still the same is not documented: look at the client in Auth0.';
  return `The client uses ${printMethod(method)} again.${secret}`;
}

/** The sentence for an enrollment that cannot be undone, since somebody else has changed the client after it. */
function notMovedBack(method: string): string {
  return `Somebody else has changed the client meanwhile, so it was not moved back: consumers that log in by ${printMethod(method)} may not be able to. Decide now in the Auth0 Dashboard (Applications, the client, Credentials) which method it must have.`;
}
