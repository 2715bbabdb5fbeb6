import type { INestApplication } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

export interface SeenRequest {
  method: string;
  lastEventId: string | undefined;
  /** What the request was answered with, once it has been. */
  response: Response;
}

/** Notes each request that reaches the application: hand `prepare` to `startApp`. */
export class RequestLog {
  readonly seen: SeenRequest[] = [];

  prepare = (app: INestApplication): void => {
    app.use((request: Request, response: Response, next: NextFunction) => {
      const lastEventId = request.headers['last-event-id'] as string | undefined;
      this.seen.push({ method: request.method, lastEventId, response });
      next();
    });
  };

  get resumes(): SeenRequest[] {
    return this.seen.filter(({ method, lastEventId }) => method === 'GET' && lastEventId !== undefined);
  }
}
