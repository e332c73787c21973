/** Writes a plan as one line, for the tables of the tests. */

import { printDestination, type SecretLocation } from '../../src/model/secret-location.ts';
import type { Step } from '../../src/model/step.ts';

/** Such as `!cert +cred ~[a,(issued)] ?auth >repo:o/r -a`. */
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
      return `~[${step.to.join(',')}]${step.interrupts.length > 0 ? `!!${step.interrupts.map(locationSymbol).join(',')}` : ''}`;
    case 'create-client':
      return `+client`;
    case 'change-method':
      return `=${step.to}[${step.credentials.join(',')}]${step.interrupts.length > 0 ? `!!${step.interrupts.map(locationSymbol).join(',')}` : ''}`;
    case 'bind-tokens':
      return step.required ? `&bound${step.proof ? '=' : ''}` : '&unbound';
    case 'authenticate':
      return '?auth';
    case 'authenticate-unregistered':
      return '?unregistered';
    case 'store-secret':
      return `>${locationSymbol(step.location)}${step.source === 'current-credential' ? '=' : ''}`;
    case 'delete-credential':
      return `-${step.id}`;
    case 'find-earlier-runs':
      return '?earlier-runs';
  }
}

function locationSymbol({ destination, part }: SecretLocation): string {
  return `${printDestination(destination)}${part === 'pair' ? '' : `/${part}`}`;
}
