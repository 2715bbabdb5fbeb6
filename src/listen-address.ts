import type { ConfigService } from '@nestjs/config';

/**
 * Where the server is to listen; an empty variable counts as not set.
 *
 * @throws Error `PORT` is not a port
 */
export function listenAddress(config: ConfigService): { port: number; host: string } {
  const port = config.get<string>('PORT') || '3000';
  const host = config.get<string>('HOST') || '127.0.0.1';
  if (!/^\d+$/.test(port) || Number(port) > 65_535)
    throw new Error(`PORT must be a whole number from 0 to 65535, 0 for any that is free; it is "${port}".`);
  return { port: Number(port), host };
}
