/** A key, by its name or as the character that it types. */
export type Key =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'home'
  | 'end'
  | 'pageup'
  | 'pagedown'
  | 'enter'
  | 'escape'
  | 'tab'
  | 'backtab'
  | 'backspace'
  | 'interrupt'
  | 'suspend'
  | 'redraw'
  | { readonly text: string }

const CONTROLS: Readonly<Record<string, Key>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u0003': 'interrupt',
  '\u001a': 'suspend',
  '\u000c': 'redraw',
  '\u007f': 'backspace',
  '\b': 'backspace',
}

const SEQUENCES: Readonly<Record<string, Key>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  Z: 'backtab',
  '1~': 'home',
  '4~': 'end',
  '5~': 'pageup',
  '6~': 'pagedown',
  '7~': 'home',
  '8~': 'end',
}

/** The keys of what a terminal sends. Sequences that are not known are left out, and never taken for what they are made of. */
export function keysOf(sent: string): Key[] {
  const parts = sent.matchAll(
    // A sequence (CSI, or SS3 of one character), a lone escape, a character.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what terminals send
    /\u001b(?:\[([0-?]*[ -/]*[@-~])|O([A-Z]))|\u001b|[\s\S]/gu,
  )
  return [...parts].flatMap(([whole, csi, ss3]): Key[] => {
    // Modifiers stand behind a semicolon: 1;5A is Ctrl and up.
    const sequence = csi?.replace(/^(\d+);\d+/, (_, first: string) => (first === '1' ? '' : first)) ?? ss3
    if (sequence !== undefined)
      return [SEQUENCES[sequence] ?? SEQUENCES[`1${sequence}`]].filter((key) => key !== undefined)
    if (whole === '\u001b') return ['escape']
    const control = CONTROLS[whole]
    if (control !== undefined) return [control]
    return /\p{C}/u.test(whole) ? [] : [{ text: whole }]
  })
}
