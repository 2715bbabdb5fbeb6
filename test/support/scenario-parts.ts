export const ASK_SCHEMA = {
  type: 'object' as const,
  properties: { name: { type: 'string' as const } },
  required: ['name'],
};

export const LANGUAGES = ['python', 'perl', 'rust'];

export function text(value: unknown) {
  const content = typeof value === 'string' ? value : JSON.stringify(value);
  return { content: [{ type: 'text' as const, text: content }] };
}
