// Package demo plays demonstrations on a network whose keys everybody knows: a cast of
// three shops and five people, a scene that has coupons in each state and links that open
// the faces as each of the cast, a story that checks the life of one coupon step by step,
// and a crowd of as many coupons as wanted. All of them act through package actions, as
// integrators do.
//
// The blocks of the crowd are real: signed transactions, executed by the coupon rules, in
// headers and certificates with the signatures of all four validators, whose keys the
// demonstration has. Only the agreement is left out, which is what takes the time. A
// network that is started on the folder goes on behind the last block by itself.
package demo
