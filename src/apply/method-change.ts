/** Moves the client to another authentication method, and back where the run fails: one method at a time (docs/facts.md#auth0-one-method). */

import { isCredentialMethod } from '../model/desired-state.ts';
import type { Step } from '../model/step.ts';
import type { Association } from './association.ts';
import { movedBack, takenOver } from './failure-state.ts';
import type { Job, Services } from './job.ts';
import { takeBack, type UndoStack } from './undo.ts';

export class MethodChange {
  readonly #job: Job;
  readonly #services: Services;
  /** What the client used before it was enrolled, while that is not back. */
  former: string | undefined;
  /** The client secret's method, once it may be back: there is no way but forward. */
  reverted: string | undefined;

  constructor(job: Job, services: Services) {
    this.#job = job;
    this.#services = services;
  }

  /** @throws RotationError ROTATION_IN_PROGRESS, AUTH0_… */
  async change(
    { credentials, from, to }: Change,
    association: Association,
    undoStack: UndoStack,
  ): Promise<void> {
    if (credentials.length === 0) {
      return association.leave(to, () => {
        this.reverted = to;
        // A client secret would get no token where tokens are bound again.
        // guard: a revert that has moved the client binds no tokens again
        undoStack.forget();
      });
    }
    return association.enter(credentials, () => {
      this.former = from;
      undoStack.push(() => this.#moveBack(from, association));
    });
  }

  async #moveBack(from: string, association: Association): Promise<string> {
    const { tenant } = this.#services;
    const { observed, desired } = this.#job;
    const { associated = [] } = observed.client ?? {};
    // Somebody else has moved it meanwhile, or has associated a credential of theirs: then it is theirs.
    const isOurs = await association.isAlone();
    const back = () =>
      isCredentialMethod(from)
        ? tenant.moveTo(desired.clientId, from, associated)
        : tenant.moveToSecret(desired.clientId, from);
    const isBack = async () => (await tenant.client(desired.clientId)).method === from;
    // guard: a failed enrollment moves the client back
    if (isOurs) await takeBack(this.#services, association.pendingWriteUntil, back, isBack);
    this.former = undefined;
    return isOurs ? movedBack(from) : takenOver(from);
  }
}

type Change = Extract<Step, { kind: 'change-method' }>;
