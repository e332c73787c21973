/** What people read for each reason. The output `reason` keeps the codes. */

import type { Plan } from '../model/plan.ts';

const NAMES: Readonly<Record<Plan['reason'], string>> = {
  MethodDiffers: 'Change of method',
  FirstDelivery: 'First delivery',
  UnidentifiedSecret: 'Unknown secret',
  NotDelivered: 'Delivery unclear',
  PartlyDelivered: 'Unfinished delivery',
  CertificateExpired: 'Expired',
  CertificateExpiring: 'Expires soon',
  SpecChanged: 'Changed settings',
  CertificateTooOld: 'Made by hand long ago',
  Forced: 'Forced',
  NotAssociated: 'Repair',
  NotDue: 'Nothing due',
  Rehearsal: 'Rehearsal',
};

export function reasonName(reason: Plan['reason']): string {
  return NAMES[reason];
}
