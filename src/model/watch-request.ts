/** The inputs of `operation: watch` besides the client. */

import type { Repository } from './secret-location.ts';

export interface WorkflowFile {
  owner: string;
  repo: string;
  file: string;
}

export interface WatchRequest {
  /** The input `workflow-token`. */
  token: string;
  /** The repository of this run. */
  home: Repository;
  /** The workflow that rotates, for the watch to check. undefined: it is not checked. */
  workflow: WorkflowFile | undefined;
  reportIssue: boolean;
  /** Page of this run. */
  runUrl: string;
}
