/** What `forRoot` and `forRootAsync` were given. */
export const MODULE_OPTIONS = Symbol('MODULE_OPTIONS');
/** The same, complete and checked: `ResolvedOptions`. */
export const OPTIONS = Symbol('RESOLVED_OPTIONS');
export const REDIS_DEFAULTS = Symbol('REDIS_DEFAULTS');
/** The registration's store and streams, with all the methods that the library relies on. */
export const COMPLETE_STORE = Symbol('COMPLETE_STORE');
export const COMPLETE_STREAMS = Symbol('COMPLETE_STREAMS');
