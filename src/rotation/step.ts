/** What a run may do: a closed union, and how each step is told. Pure. */

import { type Place, printDestination, printPlace } from '../github/destination.ts';

/** A credential of the pool by its id, or the one that this run is going to make. */
export type CredentialRef = string;
export const ISSUED: CredentialRef = '(issued)';

export type Step =
  | { kind: 'issue-certificate' }
  | { kind: 'create-credential' }
  | {
      kind: 'associate-credentials';
      why: 'heal' | 'make room' | 'add' | 'retire' | 'discard';
      /** What the method holds before and after. */
      from: readonly CredentialRef[];
      to: readonly CredentialRef[];
      /** Places whose consumers cannot log in until this run delivers to them: named, since nothing else was possible. */
      interrupts: readonly Place[];
    }
  | { kind: 'authenticate' }
  | { kind: 'store-secret'; place: Place; source: 'issued' | 'current-credential' }
  | { kind: 'delete-credential'; id: CredentialRef; why: 'make room' | 'retire' | 'discard' };

/** One sentence for a person. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'issue-certificate':
      return 'Issue a key pair and a self-signed certificate';
    case 'create-credential':
      return 'Upload the certificate as a credential';
    case 'associate-credentials':
      return describeAssociation(step);
    case 'authenticate':
      return 'Prove the certificate with an mTLS token request';
    case 'store-secret':
      return `Store ${partName(step.place)} in ${printPlace(step.place)}`;
    case 'delete-credential':
      return `Delete ${step.id} ${WHY[step.why]}`;
  }
}

type Association = Extract<Step, { kind: 'associate-credentials' }>;

const WHY = {
  heal: 'again: a destination holds it',
  'make room': 'to make room',
  retire: 'since its successor is delivered everywhere',
  discard: 'since nobody has its key',
};

function describeAssociation({ from, to, why, interrupts }: Association): string {
  const added = to.filter((id) => !from.includes(id));
  const rest = to.filter((id) => from.includes(id)).join(' and ');
  if (why === 'add') return `Associate ${added.join(' and ')}${rest ? ` alongside ${rest}` : ''}`;
  if (why === 'heal') return `Associate ${added.join(' and ')} ${WHY.heal}`;
  const removed = from.filter((id) => !to.includes(id)).join(' and ');
  const interruption = interrupts.length > 0 ? `; INTERRUPTS ${interrupts.map(printPlace).join(', ')}` : '';
  return `Disassociate ${removed} ${WHY[why]}${interruption}`;
}

function partName({ part }: Place): string {
  return part === 'pair' ? 'key and certificate' : `the ${part.replace('-', ' ')}`;
}

/** The one-line notation of plans in tests and logs: `!cert +cred ~[a,(issued)] ?auth >repo:o/r -a`. */
export function notation(steps: readonly Step[]): string {
  return steps.map(symbol).join(' ');
}

function symbol(step: Step): string {
  switch (step.kind) {
    case 'issue-certificate':
      return '!cert';
    case 'create-credential':
      return '+cred';
    case 'associate-credentials':
      return `~[${step.to.join(',')}]${step.interrupts.length > 0 ? `!!${step.interrupts.map(placeSymbol).join(',')}` : ''}`;
    case 'authenticate':
      return '?auth';
    case 'store-secret':
      return `>${placeSymbol(step.place)}${step.source === 'current-credential' ? '=' : ''}`;
    case 'delete-credential':
      return `-${step.id}`;
  }
}

function placeSymbol({ destination, part }: Place): string {
  return `${printDestination(destination)}${part === 'pair' ? '' : `/${part}`}`;
}
