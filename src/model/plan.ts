/** The plan of a run, with its reason. Plain data: the log, the summary and `operation: plan` all print it. */

import type { RotationError } from '../errors.ts';
import type { Note } from './note.ts';
import type { Credential } from './observed-state.ts';
import type { SecretLocation } from './secret-location.ts';
import type { Step } from './step.ts';

/** Why a rotation is due. */
export type Reason =
  | 'MethodDiffers'
  | 'FirstDelivery'
  | 'UnidentifiedSecret'
  /** A secret may hold one of our credentials that is not associated (`CredentialsInUse.perhapsDisplaced`). Despite the name it may have been delivered: the times cannot show that. */
  | 'NotDelivered'
  | 'PartlyDelivered'
  | 'CertificateExpired'
  | 'CertificateExpiring'
  | 'SpecChanged'
  | 'CertificateTooOld'
  | 'Forced';

/** The state of a credential before this run, by the evidence. */
export type Stage =
  /** The primary holds it. */
  | 'current'
  /** Another location may hold it, or it is associated and has a successor that is delivered everywhere. */
  | 'previous'
  /** Ours and newer than what is held: its rotation has not finished. */
  | 'pending'
  /** The newest that is held, but not by the primary. */
  | 'partly delivered'
  /** Associated, and none of the others. */
  | 'associated'
  /** Neither held nor associated any more. */
  | 'retired'
  /** None of our secrets can hold it. */
  | 'foreign';

export interface PlannedCredential extends Credential {
  stage: Stage;
  associated: boolean;
  /** Secret locations that hold it before this run, as far as the evidence shows. */
  heldBy: readonly string[];
  /** Why it cannot be removed to make room for another one, in words for a person. */
  whyKept: string;
  /** When its overlap ends, once the plan is carried out; undefined without a duration or a delivered successor. */
  overlapEnd: number | undefined;
}

/** A question that the plan needs answered from the tenant logs before it is final. */
export interface LogQuestion {
  /** Milliseconds, Auth0's clock. */
  since: number;
  /** Also asks whether the logs are up to date, which takes a token request. */
  upToDate: boolean;
}

export interface Plan {
  /**
   * A run with `NotAssociated` (which restores an association), `NotDue` or `Rehearsal` does not rotate. Neither does a revert, even with
   * `MethodDiffers`, or a run whose rotation is due and refused (`errorAtEnd`).
   */
  reason: Reason | 'NotAssociated' | 'NotDue' | 'Rehearsal';
  explanation: string;
  steps: readonly Step[];
  /** A new key pair is issued and delivered. */
  rotates: boolean;
  /** Id of a credential that already has the subject DN of the new certificate, so that no other one is made. */
  reuses: string | undefined;
  /** Id of a credential made by hand that this rotation supersedes. The new credential's name refers to it. */
  replaces: string | undefined;
  /** Ids of the credentials that `revoke: previous` removes. */
  revokes: readonly string[];
  /** When the next rotation is due; undefined if no expiry is recorded. Milliseconds, Auth0's clock. */
  nextRotation: number | undefined;
  credentials: readonly PlannedCredential[];
  notes: readonly Note[];
  /** An open question to the tenant logs. Until it is answered, the plan keeps what it might remove. */
  logQuestion: LogQuestion | undefined;
  /** Secret locations whose write must be proven possible before this plan is carried out. */
  probes: readonly SecretLocation[];
  /** The alarm if the run fails: who is locked out before its first step (`before`), and after the steps that are kept if the rest is refused. */
  lockout: { before: string | undefined; afterKeptSteps: string | undefined };
  /** An error to report at the end, although all steps succeed. */
  errorAtEnd: RotationError | undefined;
}
