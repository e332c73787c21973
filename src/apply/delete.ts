/** Deletes disassociated credentials. Repeats, since Auth0 may be slow to notice the disassociation (docs/facts.md#auth0-delete). */

import type { Tenant } from '../auth0/tenant.ts';
import { capitalized, RotationError, UNTOUCHED } from '../errors.ts';
import type { Waiting } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import type { Note } from '../model/note.ts';

export class Deletion {
  readonly #services: Waiting & { tenant: Tenant };
  readonly #isRevocation: boolean;
  readonly #deleted: string[] = [];
  /** Ids of those that Auth0 does not delete, although the client's method does not list them: another part of the client uses them. */
  readonly #usedElsewhere: string[] = [];

  constructor(services: Waiting & { tenant: Tenant }, isRevocation: boolean) {
    this.#services = services;
    this.#isRevocation = isRevocation;
  }

  /** Ids of the credentials that it deleted. @param made the credential that the run itself made, which is not among them */
  deletedOtherThan(made: string | undefined): string[] {
    return this.#deleted.filter((id) => id !== made);
  }

  /** A credential that another part of the client uses stops nothing, since its slot in the method is free. @throws RotationError RETIREMENT_FAILED, AUTH0_… */
  async delete(clientId: string, id: string): Promise<void> {
    const { tenant } = this.#services;
    const attempt = async () => {
      const value = await tenant.deleteCredential(clientId, id);
      return { done: value === 'deleted', value };
    };
    if ((await poll(this.#services, attempt, (last) => last)) === 'deleted') {
      this.#deleted.push(id);
      return;
    }
    if ((await tenant.client(clientId)).associated.includes(id)) throw stillAssociated(id);
    this.#usedElsewhere.push(id);
  }

  isUsedElsewhere(id: string): boolean {
    return this.#usedElsewhere.includes(id);
  }

  get notes(): Note[] {
    return this.#isRevocation ? [] : this.#usedElsewhere.map(usedElsewhere);
  }

  /** A revocation has ended each login with them, but not every use of their keys. That comes first, since a key may have leaked. */
  errorBeside(other: RotationError | undefined): RotationError | undefined {
    if (!this.#isRevocation || this.#usedElsewhere.length === 0) return other;
    const leak = revokedButUsed(this.#usedElsewhere);
    return other ? both(leak, other) : leak;
  }
}

/** The first error, with the sentences of the second. */
function both(first: RotationError, second: RotationError): RotationError {
  const joined = (...texts: (string | undefined)[]) => texts.filter(Boolean).join(' ');
  const alarm = second.alarm && `${first.alarm}. ${capitalized(second.alarm)}`;
  return new RotationError(first.code, {
    alarm: alarm ?? first.alarm,
    failed: joined(first.failed, second.failed),
    remedy: joined(first.remedy, second.remedy),
    stateNow: joined(first.stateNow, second.stateNow === UNTOUCHED ? '' : second.stateNow),
    cause: second,
  });
}

export function stillAssociated(id: string): RotationError {
  return new RotationError('RETIREMENT_FAILED', {
    failed: `Auth0 says that credential ${id} is still associated and does not delete it.`,
    remedy:
      'Find out what associates it again, such as Terraform or a script. The next run tries again. If it is to stay, name it in keep-credentials.',
  });
}

/** The note on a credential whose slot the rotation did not need. */
function usedElsewhere(id: string): Note {
  const text = `Auth0 does not delete ${id}, since another part of the client uses it, such as signed_request_object. Nobody can log in with it any more. If that use is wanted, name ${id} in keep-credentials, so that no run tries again. It still counts towards the limit of the client.`;
  return { severity: 'warning', text };
}

/** The error of a revocation that has ended each login with these credentials, but not every use of their keys. */
export function revokedButUsed(ids: readonly string[]): RotationError {
  const all = ids.join(', ');
  return new RotationError('RETIREMENT_FAILED', {
    alarm: 'a leaked key MAY STILL SIGN REQUESTS. Act at once',
    failed: `Auth0 does not delete ${all}, since another part of the client uses it, such as signed_request_object.`,
    remedy: `Once the users of signed_request_object sign with another key, take ${all} out of it in Auth0, and delete ${all} there.`,
    stateNow: `Everything else is done, and nobody can log in with ${all} any more. But what it signs may still be accepted.`,
  });
}
