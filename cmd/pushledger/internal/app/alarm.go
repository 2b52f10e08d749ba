package app

// measureAlarms adds to the metrics what Alipay calls misconfigured.
func (s *Service) measureAlarms() {
	s.reading.metrics.Misconfigured(func() [][2]string {
		var list [][2]string
		for _, known := range s.saga.Misconfigured() {
			list = append(list, [2]string{known.API, known.Code})
		}
		return list
	})
}
