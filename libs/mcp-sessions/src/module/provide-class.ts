import type { InjectionToken, Provider } from '@nestjs/common';

/** A provider that is made of other providers, in the order of its constructor's parameters. */
export function provideClass<Parts extends unknown[]>(
  Class: new (...parts: Parts) => object,
  ...inject: InjectionToken[]
): Provider {
  return { provide: Class, inject, useFactory: (...parts: Parts) => new Class(...parts) };
}
