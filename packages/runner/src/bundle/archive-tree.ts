import { Refused } from './refusals.ts'

/** What an archive puts at a path. */
export type NodeKind = 'folder' | 'file' | 'link'

interface TreeNode {
  readonly kind: NodeKind
  readonly children: Map<string, TreeNode>
}

/** The files, folders and links of one archive, as far as its entries were looked at. */
export class ArchiveTree {
  readonly #root: TreeNode = newNode('folder')
  readonly #grown: () => void

  /** @param grown called for each node that is added; throws to stop */
  constructor(grown: () => void) {
    this.#grown = grown
  }

  /** What is at a path; undefined for nothing. */
  kindOf(names: readonly string[]): NodeKind | undefined {
    let node: TreeNode | undefined = this.#root
    for (const name of names) node = node?.children.get(name)
    return node?.kind
  }

  /** Adds a node, with the folders above it that no entry named. @throws {Refused} */
  add(names: readonly string[], kind: NodeKind, entry: string): void {
    let node = this.#root
    for (const [i, name] of names.entries()) {
      if (node.kind !== 'folder') throw new Refused(node.kind === 'link' ? 'below-link' : 'below-file', entry)
      const isLast = i === names.length - 1
      const found = node.children.get(name)
      if (found !== undefined && isLast && (kind !== 'folder' || found.kind !== 'folder'))
        throw new Refused('twice', entry)
      node = found ?? this.#grow(node, name, isLast ? kind : 'folder')
    }
  }

  #grow(parent: TreeNode, name: string, kind: NodeKind): TreeNode {
    this.#grown()
    const node = newNode(kind)
    parent.children.set(name, node)
    return node
  }
}

function newNode(kind: NodeKind): TreeNode {
  return { kind, children: new Map() }
}
