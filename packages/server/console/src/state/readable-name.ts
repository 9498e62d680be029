const QUALITIES =
  'amber bold brave brisk calm clear clever copper coral cosy crisp dapper deft eager early fair fleet fond fresh gentle glad golden grand happy honest ivory jolly keen kind lively lucid lucky mellow merry mild neat noble olive plain polite proud quick quiet ready rosy royal rustic sandy sharp shiny silver sleek snug solid sunny swift tidy vivid warm wise witty'.split(
    ' ',
  )

const CREATURES =
  'badger beaver bison bobcat condor cougar crane cricket dingo dolphin donkey eagle egret falcon ferret finch fox gecko gibbon goose heron hornet ibex iguana jackal jaguar kestrel kiwi koala lemur leopard lizard llama lynx magpie marmot marten mole moose newt ocelot orca osprey otter owl panda parrot pelican penguin pigeon puffin puma quail rabbit raven robin salmon seal shrew sparrow stork swan tapir tiger toucan trout turtle walrus weasel wombat wren yak zebra'.split(
    ' ',
  )

/** A name that people can say and remember, as `quiet-otter`, and that none of `taken` is. */
export function readableName(taken: ReadonlySet<string>): string {
  const pick = (words: readonly string[]): string => words[Math.floor(Math.random() * words.length)] ?? ''
  let name = `${pick(QUALITIES)}-${pick(CREATURES)}`
  for (let count = 2; taken.has(name); count += 1) {
    name = `${pick(QUALITIES)}-${pick(CREATURES)}${count > 20 ? `-${count}` : ''}`
  }
  return name
}
