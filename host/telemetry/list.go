package telemetry

// node is a record in two lists: all records of its tenant, and those of its
// service. Both are in the order of arrival, so a tenant's oldest record is
// the oldest of its service too.
type node struct {
	rec  Record
	size int
	svc  *serviceList
	next [2]*node // towards the newer
	prev [2]*node // towards the older
}

// The lists that a node is in.
const (
	ofTenant = iota
	ofService
)

// list is one of the lists of nodes.
type list struct {
	which          int
	oldest, newest *node
	count          int
}

func (l *list) push(n *node) {
	n.prev[l.which] = l.newest
	if l.newest != nil {
		l.newest.next[l.which] = n
	} else {
		l.oldest = n
	}
	l.newest = n
	l.count++
}

func (l *list) remove(n *node) {
	older, newer := n.prev[l.which], n.next[l.which]
	if older != nil {
		older.next[l.which] = newer
	} else {
		l.oldest = newer
	}
	if newer != nil {
		newer.prev[l.which] = older
	} else {
		l.newest = older
	}
	n.prev[l.which], n.next[l.which] = nil, nil
	l.count--
}

// serviceList holds the records of one service.
type serviceList struct {
	list
	name string
	size int
}
