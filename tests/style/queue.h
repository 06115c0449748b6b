/* What cppcheck must know of sys/queue.h, which it does not read. */
#define LIST_FOREACH(var, head, field)					\
	for ((var) = (head)->lh_first; (var) != NULL;			\
	    (var) = (var)->field.le_next)
#define TAILQ_FOREACH_REVERSE(var, head, headname, field)		\
	for ((var) = *((struct headname *)(head)->tqh_last)->tqh_last;	\
	    (var) != NULL;						\
	    (var) = *((struct headname *)(var)->field.tqe_prev)->tqh_last)
