/** The report of a run that failed before its first client, or with an unexpected error. */

import { capitalized, type RotationError } from '../errors.ts';
import { inert, shortened, shortenedList } from '../model/markdown.ts';
import type { Report } from '../model/run-result.ts';
import { withInertAlarm } from './alarm.ts';

/** @param helpUrl where a code is explained, as a link */
export function failureReport(error: RotationError, helpUrl: (code: string) => string): Report {
  return {
    outputs: {},
    annotations: [],
    summary: `## ${headlineOf(withInertAlarm(error))}\n\n${explained(error, helpUrl)}\n`,
    headline: headlineOf(error),
  };
}

/** The report of a run that reached its end although an unawaited promise failed. */
export function withFailure(report: Report, error: RotationError, helpUrl: (code: string) => string): Report {
  // Replaces the report's heading, so that the summary has only one.
  const [first = '', ...rest] = report.summary.split('\n');
  const heading = `## ${headlineOf(withInertAlarm(error))} Apart from that: ${first.replace('## ', '')}`;
  return {
    ...report,
    headline: `${headlineOf(error)} Apart from that: ${report.headline}`,
    summary: [heading, '', explained(error, helpUrl), '', ...rest].join('\n'),
  };
}

function headlineOf({ alarm, code }: RotationError): string {
  return alarm ? `❌ ${capitalized(alarm)} (${code}).` : `❌ ${code}. Action needed.`;
}

/** Lists all problems, one per line, so that the user can correct the workflow. */
function explained(error: RotationError, helpUrl: (code: string) => string): string {
  const { code, failed, problems, remedy, stateNow } = error;
  const items = problems.map((problem) => `- ${shortened(inert(problem))}`);
  const list = shortenedList(items, (count) => `- … and ${count} more (shortened)`);
  const what = problems.length > 0 ? `\n\n${list.join('\n')}` : ` ${shortened(inert(failed))}`;
  return [
    `**What failed.**${what}`,
    `**What to do.** ${inert(remedy)} [More about ${code}](${helpUrl(code)}).`,
    `**What is true now.** ${inert(stateNow)}`,
  ].join('\n\n');
}
