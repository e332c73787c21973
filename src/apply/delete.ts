/** Deletes disassociated credentials. Repeats, since Auth0 may be slow to notice the disassociation (docs/facts.md#auth0-delete). */

import type { Tenant } from '../auth0/tenant.ts';
import type { RotationError } from '../errors.ts';
import type { Waiting } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import type { Note } from '../model/note.ts';
import { revokedButUsed, stillAssociated, usedElsewhere } from './failure-state.ts';

export class Deletion {
  readonly #services: Waiting & { tenant: Tenant };
  readonly #revokes: boolean;
  readonly #deleted: string[] = [];
  /** Ids of those that Auth0 does not delete, although the client's method does not list them: another part of the client uses them. */
  readonly #usedElsewhere: string[] = [];

  constructor(services: Waiting & { tenant: Tenant }, revokes: boolean) {
    this.#services = services;
    this.#revokes = revokes;
  }

  /** Ids of the credentials that it deleted. @param made the credential that the run itself made, which is not among them */
  deletedBeside(made: string | undefined): string[] {
    return this.#deleted.filter((id) => id !== made);
  }

  /** A credential that another part of the client uses stops nothing, since its place in the method is free. @throws RotationError RETIREMENT_FAILED, AUTH0_… */
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

  get notes(): Note[] {
    return this.#revokes ? [] : this.#usedElsewhere.map(usedElsewhere);
  }

  /** A revocation has ended each login with them, but not every use of their keys. */
  get error(): RotationError | undefined {
    return this.#revokes && this.#usedElsewhere.length > 0 ? revokedButUsed(this.#usedElsewhere) : undefined;
  }
}
