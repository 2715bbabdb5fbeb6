/** A `Host` header (RFC 9110, 7.2): no userinfo, no path. */
const HOST_AND_PORT = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?$/i;

/** Whether a name stands for this very machine. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Whether a `Host` header names this server: a loopback name, or one of `allowed` (without port; `*` for any).
 * Guards against DNS rebinding (MCP 2025-11-25, basic/transports, Security Warning).
 */
export function isAllowedHost(host: string | undefined, allowed: readonly string[]): boolean {
  if (host === undefined || !HOST_AND_PORT.test(host)) return false;
  if (allowed.includes('*')) return true;
  const hostname = parseUrl(`http://${host}`)?.hostname;
  if (hostname === undefined) return false;
  return isLoopback(hostname) || allowed.some((name) => name.toLowerCase() === hostname);
}

/**
 * Whether a browser's page of this `Origin` may send requests: none named, a loopback origin, or one of `allowed`
 * (`https://app.example.com`; `*` for any).
 */
export function isAllowedOrigin(origin: string | undefined, allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.includes('*')) return true;
  const url = parseUrl(origin);
  if (!url || url.origin === 'null') return false;
  return isLoopback(url.hostname) || allowed.some((other) => parseUrl(other)?.origin === url.origin);
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
