/** What is bundled: code that imports from somewhere. */
export interface Bundled {
  code: string;
  minify?: boolean;
  banner?: string;
}

export const DEMO: Bundled & { file: string };

export function bundle(what: Bundled): Promise<string>;
