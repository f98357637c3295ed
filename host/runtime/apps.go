package runtime

import "sync"

// apps are the uploads that are loaded, by what makes them.
type apps struct {
	mu   sync.Mutex
	live map[string]*app
}

// get returns the app, which the caller leaves, or nil.
func (s *apps) get(key string) *app {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.live[key]
	if a != nil {
		a.refs++
	}
	return a
}

// add enters an app and returns it, or the one that was entered meanwhile.
// The caller leaves what is returned.
func (s *apps) add(a *app) *app {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.live[a.key]; other != nil {
		other.refs++
		return other
	}
	if s.live == nil {
		s.live = make(map[string]*app)
	}
	a.refs = 1
	s.live[a.key] = a
	return a
}

// leave reports whether the caller was the last one and closes the app.
func (s *apps) leave(a *app) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.refs--; a.refs > 0 {
		return false
	}
	delete(s.live, a.key)
	return true
}
