import type { Express } from 'express';

type Layer = {
  handle: { stack?: Layer[] };
  route?: { path: string | string[]; methods: Record<string, boolean> };
};

/** Returns the routes of the app, such as `GET /playlists/:id`. */
export function routesOf(app: Express): string[] {
  return routesIn(app.router as unknown as { stack: Layer[] });
}

function routesIn({ stack = [] }: { stack?: Layer[] }): string[] {
  return stack.flatMap(({ route, handle }) => {
    if (!route) return routesIn(handle);
    const methods = Object.keys(route.methods).map((method) => method.toUpperCase());
    return methods.flatMap((method) => [route.path].flat().map((path) => `${method} ${path}`));
  });
}
