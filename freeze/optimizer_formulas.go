package freeze

import (
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// The formulas of the optimizers' steps, in the order in which
// tensorflow/core/kernels/training_ops.cc computes them: the numbers are equal bit for bit.

var denseFormulas = map[string]optimizer{
	"ApplyGradientDescent":         {nil, (*step).descent},
	"ApplyMomentum":                {[]string{"accum"}, (*step).momentum},
	"ApplyKerasMomentum":           {[]string{"accum"}, (*step).kerasMomentum},
	"ApplyAdagrad":                 {[]string{"accum"}, (*step).adagrad},
	"ApplyAdagradV2":               {[]string{"accum"}, (*step).adagradV2},
	"ApplyAdadelta":                {[]string{"accum", "accum_update"}, (*step).adadelta},
	"ApplyAdam":                    {[]string{"m", "v"}, (*step).adam},
	"ApplyAdaMax":                  {[]string{"m", "v"}, (*step).adaMax},
	"ApplyAddSign":                 {[]string{"m"}, (*step).addSign},
	"ApplyPowerSign":               {[]string{"m"}, (*step).powerSign},
	"ApplyRMSProp":                 {[]string{"ms", "mom"}, (*step).rmsProp},
	"ApplyCenteredRMSProp":         {[]string{"mg", "ms", "mom"}, (*step).centeredRMSProp},
	"ApplyFtrl":                    {[]string{"accum", "linear"}, (*step).ftrl},
	"ApplyFtrlV2":                  {[]string{"accum", "linear"}, (*step).ftrl},
	"ApplyProximalGradientDescent": {nil, (*step).proximalDescent},
	"ApplyProximalAdagrad":         {[]string{"accum"}, (*step).proximalAdagrad},
}

// The steps on rows that consist of exact operations. A kernel that computes row by row rounds
// Rsqrt and Pow otherwise than the operation that computes all rows at once.
var sparseFormulas = map[string]optimizer{
	"ApplyMomentum":                {[]string{"accum"}, (*step).momentum},
	"ApplyKerasMomentum":           {[]string{"accum"}, (*step).kerasMomentum},
	"ApplyAdagradV2":               {[]string{"accum"}, (*step).adagradV2},
	"ApplyProximalGradientDescent": {nil, (*step).proximalDescent},
}

// integer is a small integer as a scalar of the variable's type.
func (s *step) integer(v int64) string {
	c := s.constant("const", intScalar(dtype.Int32, v), s.args["var"])
	return s.node("cast", "Cast", "y", attrs{"SrcT": nodedef.TypeAttr(dtype.Int32), "DstT": s.dtype()}, c)
}

// fromOne returns 1 - a.
func (s *step) fromOne(a string) string { return s.sub(s.integer(1), a) }

// toward returns old + (new - old) * rate.
func (s *step) toward(old, value, rate string) string {
	return s.add(old, s.mul(s.sub(value, old), rate))
}

// decay returns old*rate + new*(1 - rate).
func (s *step) decay(old, value, rate string) string {
	return s.add(s.mul(old, rate), s.mul(value, s.fromOne(rate)))
}

// where returns a where a condition on a scalar holds, and b elsewhere.
func (s *step) where(condition, a, b string) string {
	return s.node("where", "SelectV2", "output", attrs{"T": s.dtype()}, condition, a, b)
}

func (s *step) descent() string {
	a := s.args
	return s.sub(a["var"], s.mul(a["delta"], a["alpha"]))
}

func (s *step) momentum() string {
	a := s.args
	accum := s.set("accum", s.add(s.mul(a["accum"], a["momentum"]), a["grad"]))
	if s.flag("use_nesterov") {
		ahead := s.mul(accum, a["momentum"], a["lr"])
		if s.at != "" {
			ahead = s.mul(a["lr"], a["momentum"], accum)
		}
		return s.sub(a["var"], s.add(s.mul(a["grad"], a["lr"]), ahead))
	}
	return s.sub(a["var"], s.mul(accum, a["lr"]))
}

func (s *step) kerasMomentum() string {
	a := s.args
	step := s.mul(a["grad"], a["lr"])
	accum := s.set("accum", s.sub(s.mul(a["accum"], a["momentum"]), step))
	if s.flag("use_nesterov") {
		return s.add(a["var"], s.sub(s.mul(accum, a["momentum"]), step))
	}
	return s.add(a["var"], accum)
}

// squares adds the square of the gradient to a slot.
func (s *step) squares(slot string) string {
	value := s.args[slot]
	if s.n.Attr["update_slots"] == nil || s.flag("update_slots") {
		value = s.add(value, s.unary("Square", s.args["grad"]))
	}
	return s.set(slot, value)
}

func (s *step) adagrad() string {
	a := s.args
	accum := s.squares("accum")
	return s.sub(a["var"], s.mul(a["grad"], a["lr"], s.unary("Rsqrt", accum)))
}

func (s *step) adagradV2() string {
	a := s.args
	accum := s.squares("accum")
	return s.sub(a["var"], s.div(s.mul(a["grad"], a["lr"]), s.add(s.unary("Sqrt", accum), a["epsilon"])))
}

func (s *step) adadelta() string {
	a := s.args
	accum := s.set("accum", s.decay(a["accum"], s.unary("Square", a["grad"]), a["rho"]))
	update := s.mul(s.unary("Sqrt", s.add(a["accum_update"], a["epsilon"])), s.unary("Rsqrt", s.add(accum, a["epsilon"])), a["grad"])
	s.set("accum_update", s.decay(a["accum_update"], s.unary("Square", update), a["rho"]))
	return s.sub(a["var"], s.mul(update, a["lr"]))
}

func (s *step) adam() string {
	a := s.args
	rate := s.div(s.mul(a["lr"], s.unary("Sqrt", s.fromOne(a["beta2_power"]))), s.fromOne(a["beta1_power"]))
	m := s.set("m", s.toward(a["m"], a["grad"], s.fromOne(a["beta1"])))
	v := s.set("v", s.toward(a["v"], s.unary("Square", a["grad"]), s.fromOne(a["beta2"])))
	if s.flag("use_nesterov") {
		m = s.add(s.mul(a["grad"], s.fromOne(a["beta1"])), s.mul(a["beta1"], m))
	}
	return s.sub(a["var"], s.div(s.mul(m, rate), s.add(s.unary("Sqrt", v), a["epsilon"])))
}

func (s *step) adaMax() string {
	a := s.args
	m := s.set("m", s.toward(a["m"], a["grad"], s.fromOne(a["beta1"])))
	v := s.set("v", s.binary("Maximum", s.mul(a["beta2"], a["v"]), s.unary("Abs", a["grad"])))
	rate := s.div(a["lr"], s.fromOne(a["beta1_power"]))
	return s.sub(a["var"], s.mul(rate, s.div(m, s.add(v, a["epsilon"]))))
}

// signs returns sign(grad) * sign(m) * sign_decay, after m has moved toward the gradient.
func (s *step) signs() string {
	a := s.args
	m := s.set("m", s.decay(a["m"], a["grad"], a["beta"]))
	return s.mul(s.unary("Sign", a["grad"]), s.unary("Sign", m))
}

func (s *step) addSign() string {
	a := s.args
	factor := s.add(a["alpha"], s.mul(a["sign_decay"], s.signs()))
	return s.sub(a["var"], s.mul(a["lr"], factor, a["grad"]))
}

func (s *step) powerSign() string {
	a := s.args
	factor := s.unary("Exp", s.mul(s.mul(a["logbase"], a["sign_decay"]), s.signs()))
	return s.sub(a["var"], s.mul(a["lr"], factor, a["grad"]))
}

func (s *step) rmsProp() string {
	a := s.args
	ms := s.set("ms", s.toward(a["ms"], s.unary("Square", a["grad"]), s.fromOne(a["rho"])))
	return s.rmsStep(s.div(s.mul(a["grad"], a["lr"]), s.unary("Sqrt", s.add(a["epsilon"], ms))))
}

func (s *step) centeredRMSProp() string {
	a := s.args
	ms := s.set("ms", s.toward(a["ms"], s.unary("Square", a["grad"]), s.fromOne(a["rho"])))
	mg := s.set("mg", s.toward(a["mg"], a["grad"], s.fromOne(a["rho"])))
	denominator := s.add(s.sub(ms, s.unary("Square", mg)), a["epsilon"])
	return s.rmsStep(s.div(s.mul(a["grad"], a["lr"]), s.unary("Sqrt", denominator)))
}

func (s *step) rmsStep(step string) string {
	mom := s.set("mom", s.add(s.mul(s.args["mom"], s.args["momentum"]), step))
	return s.sub(s.args["var"], mom)
}

// ftrlPower returns a to the power of -lr_power. The kernel has a case for a square root.
func (s *step) ftrlPower(a string) string {
	power := s.args["lr_power"]
	half := s.div(s.integer(-1), s.integer(2))
	isHalf := s.node("is_half", "Equal", "z", attrs{"T": s.dtype()}, power, half)
	return s.where(isHalf, s.unary("Sqrt", a), s.binary("Pow", a, s.unary("Neg", power)))
}

func (s *step) ftrl() string {
	a := s.args
	grad := a["grad"]
	if shrinkage, ok := a["l2_shrinkage"]; ok {
		grad = s.add(grad, s.mul(s.mul(s.integer(2), shrinkage), a["var"]))
	}
	accum := s.add(a["accum"], s.unary("Square", a["grad"]))
	now, before := s.ftrlPower(accum), s.ftrlPower(a["accum"])
	byRate := s.flag("multiply_linear_by_lr")
	var linear, l1, denominator string
	if byRate {
		linear = s.add(a["linear"], s.sub(s.mul(grad, a["lr"]), s.mul(s.sub(now, before), a["var"])))
		l1 = s.mul(a["l1"], a["lr"])
		denominator = s.add(now, s.mul(s.mul(s.integer(2), a["l2"]), a["lr"]))
	} else {
		linear = s.add(a["linear"], s.sub(grad, s.mul(s.div(s.sub(now, before), a["lr"]), a["var"])))
		l1 = a["l1"]
		denominator = s.add(s.div(now, a["lr"]), s.mul(s.integer(2), a["l2"]))
	}
	linear = s.set("linear", linear)
	s.set("accum", accum)
	shrunk := s.div(s.sub(s.mul(l1, s.unary("Sign", linear)), linear), denominator)
	over := s.node("over", "Greater", "z", attrs{"T": s.dtype()}, s.unary("Abs", linear), l1)
	return s.where(over, shrunk, s.integer(0))
}

// proximal shrinks a value by l1 and l2, each times a rate.
func (s *step) proximal(value, rate string) string {
	l1 := s.args["l1"]
	divisor := s.add(s.integer(1), s.mul(s.args["l2"], rate))
	kept := s.binary("Maximum", s.sub(s.unary("Abs", value), s.mul(rate, l1)), s.integer(0))
	positive := s.node("positive", "Greater", "z", attrs{"T": s.dtype()}, l1, s.integer(0))
	return s.where(positive, s.div(s.mul(s.unary("Sign", value), kept), divisor), s.div(value, divisor))
}

func (s *step) proximalDescent() string {
	a := s.args
	grad := a["delta"]
	if grad == "" {
		grad = a["grad"]
	}
	return s.proximal(s.sub(a["var"], s.mul(grad, a["alpha"])), a["alpha"])
}

func (s *step) proximalAdagrad() string {
	a := s.args
	accum := s.set("accum", s.add(a["accum"], s.unary("Square", a["grad"])))
	rate := s.mul(a["lr"], s.unary("Rsqrt", accum))
	return s.proximal(s.sub(a["var"], s.mul(a["grad"], rate)), rate)
}
