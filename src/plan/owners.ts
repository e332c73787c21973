/** Tells for each credential of the client whether it is ours, another workflow's, made by hand, or foreign. Pure. */

import { CREDENTIAL_TYPES, type DesiredState } from '../model/desired-state.ts';
import { associatedWith, type Credential, type ObservedState } from '../model/observed-state.ts';
import { isOwnedBy, type Ownership, ownerOf, readOwnership } from '../model/ownership.ts';

/**
 * Decides by the observed state, from before the first step of the run. From the narrowest answer to the widest:
 *
 * - `isOurs`: it has our mark, or the mark of a former primary (`isOfFormer`).
 * - `isOursOrReplaced`: also one made by hand that one of ours replaced.
 * - not `isForeign`: also any other one made by hand that is associated, since one of our secrets may hold it.
 *
 * All three are for credentials of the desired method. `isLeftover` and `hasOurMark` are for those of another method, too.
 */
export class Owners {
  readonly #owner: string;
  /** Owners that this workflow had before. */
  readonly #former: readonly string[];
  readonly #type: Credential['type'];
  /** The client uses the desired method. */
  readonly #usesMethod: boolean;
  readonly #associated: ReadonlySet<string>;
  /** Ids of credentials made by hand that one of ours replaced. */
  readonly #replaced: ReadonlySet<string | undefined>;

  constructor(desired: DesiredState, observed: ObservedState) {
    this.#owner = ownerOf(desired);
    this.#former = (observed.former ?? []).map(({ owner }) => owner);
    this.#type = CREDENTIAL_TYPES[desired.method];
    this.#usesMethod = observed.client?.method === desired.method;
    this.#associated = new Set(observed.client && associatedWith(observed.client, desired.method));
    this.#replaced = new Set(observed.pool.filter(this.isOurs).map(({ name }) => readOwnership(name)?.after));
  }

  /** Whether it was associated with the desired method when the run observed it. */
  isAssociated = (credential: Credential): boolean => this.#associated.has(credential.id);

  /** Whether its mark names this workflow, now or as a former primary, and it has the type of the desired method. */
  isOurs = (credential: Credential): boolean => credential.type === this.#type && this.hasOurMark(credential);

  /** The same, whatever its method is. */
  hasOurMark = ({ name }: Credential): boolean => this.#owns(readOwnership(name));

  /** Whether a rehearsal of ours made it. No secret ever holds it. */
  isMadeByRehearsal = (credential: Credential): boolean =>
    this.isOurs(credential) && readOwnership(credential.name)?.rehearsal === true;

  /**
   * Whether it is ours (or replaced by ours) and belongs to a previous method of the client. Nobody can log in with it any more. A record
   * that cannot be read may belong to any method.
   */
  isLeftover = (credential: Credential): boolean =>
    this.#usesMethod &&
    credential.type !== this.#type &&
    credential.type !== 'unknown' &&
    this.#hasOurMarkOrWasReplaced(credential);

  /** Whether it is ours, or was made by hand and one of ours replaced it. */
  isOursOrReplaced = (credential: Credential): boolean =>
    credential.type === this.#type && this.#hasOurMarkOrWasReplaced(credential);

  #hasOurMarkOrWasReplaced({ id, name }: Credential): boolean {
    const ownership = readOwnership(name);
    return ownership === undefined ? this.#replaced.has(id) : this.#owns(ownership);
  }

  #owns(ownership: Ownership | undefined): boolean {
    return (
      isOwnedBy(ownership, this.#owner) || (ownership !== undefined && this.#former.includes(ownership.owner))
    );
  }

  /** Whether its mark names a former primary. */
  isOfFormer = ({ name }: Credential): boolean => {
    const ownership = readOwnership(name);
    return (
      ownership !== undefined && this.#former.includes(ownership.owner) && !isOwnedBy(ownership, this.#owner)
    );
  };

  /** The ownership of another workflow, if the mark names one. */
  otherOwnership(credential: Credential): Ownership | undefined {
    const ownership = readOwnership(credential.name);
    return ownership && !this.#owns(ownership) ? ownership : undefined;
  }

  /** Whether none of our secrets can hold it: it is another workflow's or of another method, or it was made by hand and is not associated. */
  // guard: foreign credentials are never touched
  // guard: another owner's mark
  isForeign = (credential: Credential): boolean =>
    !this.isOursOrReplaced(credential) &&
    (credential.type !== this.#type ||
      !this.isAssociated(credential) ||
      this.otherOwnership(credential) !== undefined);

  /** Whether it is of the desired method and has no mark, so a person or another tool made it. */
  isUnmarked = ({ name, type }: Credential): boolean =>
    type === this.#type && readOwnership(name) === undefined;
}
