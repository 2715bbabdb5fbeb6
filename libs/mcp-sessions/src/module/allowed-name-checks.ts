import { z } from 'zod';

/** A host as a `Host` header names it, without the port. */
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)$/i;

/** A name of `allowedHosts`: what could never match is refused. */
export const allowedHost = z.string().superRefine((name, context) => {
  const problem = hostProblem(name);
  if (problem !== undefined) context.addIssue(`${JSON.stringify(name)} ${problem}`);
});

/** An origin of `allowedOrigins`: what could never match, or says more than an origin, is refused. */
export const allowedOrigin = z.string().superRefine((origin, context) => {
  const problem = originProblem(origin);
  if (problem !== undefined) context.addIssue(`${JSON.stringify(origin)} ${problem}`);
});

function hostProblem(name: string): string | undefined {
  if (name === '*') return undefined;
  if (name.includes('*')) return 'has a wildcard: name each host, or say "*" alone for all';
  const isName = /^[^:/?#@\\\s]+$|^\[[^\]]+\]$/.test(name);
  const hostname = isName && URL.canParse(`http://${name}`) ? new URL(`http://${name}`).hostname : undefined;
  if (hostname === undefined || !HOST.test(hostname)) return 'is not a host name without port';
  return hostname === name.toLowerCase() ? undefined : `must be written as clients send it: "${hostname}"`;
}

function originProblem(text: string): string | undefined {
  if (text === '*') return undefined;
  if (text.includes('*')) return 'has a wildcard: name each origin, or say "*" alone for all';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) return 'is not an origin such as https://app.example.com';
  const hasMore = url.pathname !== '/' || url.search || url.hash || url.username || url.password;
  return hasMore ? `has more in it than an origin: say "${url.origin}"` : undefined;
}
