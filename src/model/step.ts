/** The steps that a run may take, and how each is printed. Pure. */

import { printMethod } from './desired-state.ts';
import { printLocation, type SecretLocation } from './secret-location.ts';

/** The id of a credential in the pool, or `ISSUED` for the one that this run will make. */
export type CredentialRef = string;
export const ISSUED: CredentialRef = '(issued)';

/**
 * Why a credential goes. `make room` also decides something: before such a removal, the run tries the new pair. The others are for people
 * only. `discard`: its key is lost. `newer`: it is newer than the subject DN that is delivered again. `release`: `removable-credentials` names
 * it. `revert` and `leave`: the client gave up its method, in a revert or in an enrollment respectively.
 */
export type RemovalReason =
  | 'make room'
  | 'retire'
  | 'release'
  | 'revoke'
  | 'discard'
  | 'newer'
  | 'revert'
  | 'leave'
  | 'rehearse';

export type Step =
  | { kind: 'issue-certificate'; what: KeyMaterial }
  | { kind: 'create-credential' }
  /** Replaces the list, so it associates or disassociates. */
  | {
      kind: 'associate-credentials';
      /** `heal`: a destination holds a credential that is not associated. */
      why: 'heal' | 'add' | RemovalReason;
      /** The associated credentials before and after. */
      from: readonly CredentialRef[];
      to: readonly CredentialRef[];
      /** Secret locations whose consumers cannot log in until this run delivers to them. */
      interrupts: readonly SecretLocation[];
      /** The run goes on only once Auth0 shows the new list. */
      confirm: boolean;
    }
  /** Creates the client with its first credential. */
  | { kind: 'create-client'; name: string; method: string }
  /** A client has one method at a time, so the previous one stops working. */
  | {
      kind: 'change-method';
      from: string;
      to: string;
      /** The credentials of the new method. Empty for a client secret. */
      credentials: readonly CredentialRef[];
      interrupts: readonly SecretLocation[];
    }
  | {
      kind: 'bind-tokens';
      required: boolean;
      /** The pair that proves it, in a run that proves no new one. */
      proof?: 'current-credential';
    }
  | { kind: 'authenticate' }
  /** The negative control: a request with an unregistered key. */
  | { kind: 'authenticate-unregistered' }
  | { kind: 'store-secret'; location: SecretLocation; source: 'issued' | 'current-credential' }
  | {
      kind: 'delete-credential';
      id: CredentialRef;
      why: RemovalReason;
    }
  /** Looks for workflow runs that were queued before the delivery. */
  | { kind: 'find-earlier-runs' };

/** The key material that a rotation makes, or that was brought. */
export type KeyMaterial =
  | 'a key pair and a self-signed certificate'
  | 'a key pair and a certificate of the private CA'
  | 'a key pair'
  | 'the certificate that was issued elsewhere';

/** One sentence for a person. @param made the id of the credential that this run has made, once it exists */
export function describeStep(step: Step, made = 'the new credential'): string {
  return sentence(step).replaceAll(ISSUED, made);
}

function sentence(step: Step): string {
  switch (step.kind) {
    case 'issue-certificate':
      return step.what === 'the certificate that was issued elsewhere'
        ? `Take ${step.what}`
        : `Issue ${step.what}`;
    case 'create-credential':
      return 'Upload its public part as a credential';
    case 'create-client':
      return `Create the client ${step.name}, which authenticates by ${step.method} with it`;
    case 'change-method':
      return describeChange(step);
    case 'bind-tokens':
      return step.required
        ? `Bind access tokens to the certificate${step.proof ? `, and prove it with ${step.proof}` : ''}`
        : 'Stop binding access tokens to the certificate';
    case 'associate-credentials':
      return describeAssociation(step);
    case 'authenticate':
      return 'Prove it with a request to Auth0';
    case 'authenticate-unregistered':
      return 'Send the same request with an unregistered key, which must be refused';
    case 'store-secret':
      return `Store ${whatIsStored(step)} in ${printLocation(step.location)}`;
    case 'delete-credential':
      return `Delete ${step.id} ${WHY[step.why]}`;
    case 'find-earlier-runs':
      return 'Look for workflow runs that may still hold the revoked credential';
  }
}

export type AssociationStep = Extract<Step, { kind: 'associate-credentials' }>;
type Change = Extract<Step, { kind: 'change-method' }>;

function describeChange({ credentials, from, interrupts, to }: Change): string {
  const used = credentials.length > 0 ? ` with ${credentials.join(' and ')}` : '';
  const before = printMethod(from);
  return `Move the client from ${before} to ${printMethod(to)}${used}: ${before} stops working at this moment${interruption(interrupts)}`;
}

function interruption(interrupts: readonly SecretLocation[]): string {
  return interrupts.length > 0 ? `; INTERRUPTS ${interrupts.map(printLocation).join(', ')}` : '';
}

const WHY = {
  heal: 'again, since a destination holds it',
  'make room': 'to make room',
  retire: 'since its successor is delivered everywhere',
  release: 'since removable-credentials names it',
  revoke: 'since it is revoked',
  discard: 'since nobody has its key',
  newer: 'since a later run would take it for the one in use',
  revert: 'since its method is no longer used',
  leave: 'since its method is no longer used',
  rehearse: 'since it was made only for this rehearsal',
};

function describeAssociation({ from, to, why, interrupts }: AssociationStep): string {
  const added = to.filter((id) => !from.includes(id));
  const rest = to.filter((id) => from.includes(id)).join(' and ');
  if (why === 'add') return `Associate ${added.join(' and ')}${rest ? ` alongside ${rest}` : ''}`;
  const removed = from.filter((id) => !to.includes(id)).join(' and ');
  if (why === 'heal')
    return `Associate ${added.join(' and ')} ${WHY.heal}${removed && `, in place of ${removed}`}`;
  return `Disassociate ${removed} ${WHY[why]}${interruption(interrupts)}`;
}

/** "it" is what an earlier step issued. The pair in `current-credential` needs a name of its own. */
function whatIsStored({ location: { part }, source }: Extract<Step, { kind: 'store-secret' }>): string {
  const isCurrent = source === 'current-credential';
  if (part === 'pair') return isCurrent ? 'the pair of current-credential' : 'it';
  if (part === 'pkcs12') return isCurrent ? 'the PKCS#12 of current-credential' : 'its PKCS#12';
  return `the ${part.replace('-', ' ')}${isCurrent ? ' of current-credential' : ''}`;
}
