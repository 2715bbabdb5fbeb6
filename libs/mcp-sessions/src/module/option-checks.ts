import { z } from 'zod';
import { missingMethods } from './own-objects.js';

/** Settings with these names and no others. */
export function settings<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown ${quotedList(issue.keys)}; there are ${inWords(Object.keys(shape))}`
        : undefined,
  });
}

/** Settings with these names, or `false`. */
export function falseOr<Shape extends z.ZodRawShape>(shape: Shape) {
  const schema = settings(shape);
  return z.unknown().superRefine((value, context) => {
    if (value === false) return;
    if (typeof value === 'object' && value !== null) copyIssues(schema.safeParse(value), context);
    else
      context.addIssue(
        `must be false, or settings: ${inWords(Object.keys(shape))}; it is ${described(value)}`,
      );
  });
}

/** An object of the application's own, with at least these methods. */
export function implementing(methods: readonly string[]) {
  return z.unknown().superRefine((value, context) => {
    const missing = missingMethods(value, methods);
    if (missing.length === 0) return;
    context.addIssue(
      missing.length === methods.length
        ? `must be an object with the methods ${inWords(methods)}; it is ${described(value)}`
        : `lacks ${inWords(missing)}: it must have the methods ${inWords(methods)}`,
    );
  });
}

/**
 * One of several kinds, by its name or by settings whose `type` it is, or an object of the application's own.
 *
 * @param kinds the settings of each kind
 * @param methods what an object of the application's own has at least
 */
export function oneOf(kinds: Record<string, z.ZodType>, methods: readonly string[]) {
  const names = Object.keys(kinds);
  const allowed =
    `must be ${quotedList(names, 'or')}, settings with one of these as \`type\`, or an object with the methods ` +
    inWords(methods);
  return z.unknown().superRefine((value, context) => {
    const missing = missingMethods(value, methods);
    if (missing.length === 0 || names.includes(value as string)) return;
    const type = (value as { type?: unknown } | null)?.type;
    const kind = names.find((name) => name === type);
    if (kind !== undefined) {
      copyIssues(kinds[kind]!.safeParse(value), context);
    } else if (missing.length < methods.length) {
      context.addIssue(`lacks ${inWords(missing)}: it must have the methods ${inWords(methods)}`);
    } else {
      const found = type === undefined ? described(value) : `of type ${described(type)}`;
      context.addIssue(`${allowed}; it is ${found}`);
    }
  });
}

/** A value in a message: what it is, and its text only if it is short. */
function described(value: unknown): string {
  if (typeof value === 'string' && value.length <= 100) return JSON.stringify(value);
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'function') return 'a class or function';
  if (typeof value === 'object') return 'an object without them';
  return `a value of type ${typeof value}`;
}

function copyIssues(result: z.ZodSafeParseResult<unknown>, context: z.RefinementCtx): void {
  for (const { path, message } of result.error?.issues ?? []) {
    context.addIssue({ code: 'custom', path, message });
  }
}

function quotedList(names: readonly string[], word = 'and'): string {
  return inWords(
    names.map((name) => JSON.stringify(name)),
    word,
  );
}

/** `a`, `a and b`, `a, b and c`. */
function inWords(names: readonly string[], word = 'and'): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} ${word} ${names.at(-1)}`;
}
