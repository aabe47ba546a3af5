import type { MessageKey } from '@/i18n'

/**
 * A small set of our own: what people use at work. `emoji English names, German names`; a chunk of its own, loaded when
 * the choice is first opened. Any other emoji can be typed.
 */
export const GROUPS: readonly { readonly title: MessageKey; readonly emoji: readonly string[] }[] = [
  {
    title: 'chat.emojiOften',
    emoji: [
      '👍 thumbs up yes good, daumen hoch ja gut',
      '❤️ heart love, herz liebe',
      '😂 tears of joy laugh, tränen lachen',
      '🎉 party celebrate, feier party',
      '🙏 thanks please, danke bitte',
      '👀 eyes looking, augen schauen',
      '✅ done check, erledigt haken',
      '🚀 rocket launch, rakete start',
    ],
  },
  {
    title: 'chat.emojiFaces',
    emoji: [
      '🙂 smile, lächeln',
      '😀 grin happy, grinsen froh',
      '😄 laugh, lachen',
      '😅 sweat relief, schweiß erleichtert',
      '😉 wink, zwinkern',
      '😊 blush, erröten',
      '😍 heart eyes, herzaugen',
      '😎 sunglasses cool, sonnenbrille cool',
      '🤔 thinking, nachdenken',
      '😐 neutral, neutral',
      '🙄 rolling eyes, augen rollen',
      '😴 sleep, schlafen',
      '😕 confused, verwirrt',
      '😟 worried, besorgt',
      '😢 cry sad, weinen traurig',
      '😭 sob, schluchzen',
      '😡 angry, wütend',
      '😱 scream, schreien',
      '😳 flushed, verlegen',
      '🤯 mind blown, umwerfend',
      '🤗 hug, umarmen',
      '🤝 handshake deal, handschlag abgemacht',
      '🥳 partying, feiern',
      '😬 grimace, grimasse',
    ],
  },
  {
    title: 'chat.emojiHands',
    emoji: [
      '👎 thumbs down no, daumen runter nein',
      '👏 clap, klatschen',
      '🙌 raised hands, hände hoch',
      '👋 wave hello bye, winken hallo tschüss',
      '👌 okay, okay',
      '✌️ victory peace, sieg frieden',
      '🤞 fingers crossed luck, daumen drücken glück',
      '💪 strong muscle, stark muskel',
      '👉 point right, rechts zeigen',
      '👈 point left, links zeigen',
      '👆 point up, oben zeigen',
      '👇 point down, unten zeigen',
      '🤷 shrug, schulterzucken',
      '🤦 facepalm, stirn klatschen',
      '🧑‍💻 developer, entwickler',
      '👥 people team, leute team',
    ],
  },
  {
    title: 'chat.emojiThings',
    emoji: [
      '💡 idea bulb, idee lampe',
      '📌 pin, nadel',
      '📎 paperclip attachment, büroklammer anhang',
      '📝 note memo, notiz',
      '📅 calendar date, kalender termin',
      '⏰ alarm clock, wecker',
      '⏳ hourglass wait, sanduhr warten',
      '📈 chart up, kurve hoch',
      '📉 chart down, kurve runter',
      '📦 package, paket',
      '🔧 wrench fix, schraubenschlüssel reparieren',
      '🔨 hammer build, hammer bauen',
      '🐛 bug, fehler käfer',
      '🔒 lock, schloss',
      '🔑 key, schlüssel',
      '💰 money, geld',
      '💻 laptop computer, rechner',
      '📱 phone, telefon',
      '✉️ mail letter, post brief',
      '🔔 bell, glocke',
      '🏁 finish flag, ziel flagge',
      '🎁 gift, geschenk',
      '🏆 trophy, pokal',
      '🎯 target, ziel',
    ],
  },
  {
    title: 'chat.emojiNature',
    emoji: [
      '☀️ sun, sonne',
      '🌧️ rain, regen',
      '❄️ snow, schnee',
      '🌈 rainbow, regenbogen',
      '🔥 fire, feuer',
      '🌱 plant sprout, pflanze',
      '🌻 flower, blume',
      '🐢 turtle slow, schildkröte langsam',
      '🐈 cat, katze',
      '🐕 dog, hund',
      '☕ coffee, kaffee',
      '🍵 tea, tee',
      '🍕 pizza, pizza',
      '🍰 cake, kuchen',
      '🍎 apple, apfel',
      '🍺 beer, bier',
    ],
  },
  {
    title: 'chat.emojiMarks',
    emoji: [
      '❗ important, wichtig',
      '❓ question, frage',
      '⚠️ warning, warnung',
      '⛔ stop no entry, stopp',
      '❌ cross wrong, kreuz falsch',
      '➕ plus, plus',
      '➖ minus, minus',
      '💯 hundred perfect, hundert perfekt',
      '⭐ star, stern',
      '✨ sparkles new, glitzer neu',
      '💥 boom, knall',
      '💬 comment speech, sprechblase',
      '🔴 red, rot',
      '🟡 yellow, gelb',
      '🟢 green, grün',
      '🆗 ok, ok',
    ],
  },
]

export interface Emoji {
  readonly emoji: string
  /** In English or German: what it is read as. */
  readonly name: string
  /** Both languages: people search in either. */
  readonly words: string
}

/** One line of the table, as the language names it. */
export function emojiOf(line: string, locale: string): Emoji {
  const blank = line.indexOf(' ')
  const words = line.slice(blank + 1)
  const [english = '', german = ''] = words.split(', ')
  return { emoji: line.slice(0, blank), name: locale === 'de' ? german : english, words }
}

/** All whose names have a word that begins with each of the words. */
export function searchEmoji(query: string, locale: string): readonly Emoji[] {
  const wanted = query.trim().toLowerCase().split(/\s+/)
  return GROUPS.flatMap(({ emoji }) => emoji.map((line) => emojiOf(line, locale))).filter(({ words }) => {
    const names = words.split(/[\s,]+/)
    return wanted.every((word) => names.some((name) => name.startsWith(word)))
  })
}
