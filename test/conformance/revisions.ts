/** Scenarios and the checks of theirs that have to pass: the suite leaves some out where a server has no sessions. */
export type RequiredChecks = Readonly<Record<string, readonly string[]>>;

const requiredChecks = {
  '2025-11-25': {
    'server-initialize': ['server-initialize', 'server-session-id-visible-ascii'],
    'server-session-lifecycle': [
      'server-session-initialized-accepted',
      'server-session-delete-accepted',
      'server-session-terminated-returns-404',
    ],
    'server-sse-polling': [
      'server-sse-priming-event',
      'server-sse-retry-field',
      'server-sse-disconnect-resume',
    ],
    'server-sse-multiple-streams': ['server-accepts-multiple-post-streams', 'server-sse-streams-functional'],
    'dns-rebinding-protection': ['localhost-host-rebinding-rejected', 'localhost-host-valid-accepted'],
  },
} as const satisfies Record<string, RequiredChecks>;

/** A revision of the protocol that the runner can check. */
export type Revision = keyof typeof requiredChecks;

/** All revisions that the runner can check. */
export const revisions = Object.keys(requiredChecks) as Revision[];

export function isRevision(text: string): text is Revision {
  return Object.hasOwn(requiredChecks, text);
}

/** The checks that a run over this revision is not complete without. */
export function requiredChecksOf(revision: Revision): RequiredChecks {
  return requiredChecks[revision];
}
